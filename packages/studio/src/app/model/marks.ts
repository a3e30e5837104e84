import type { Bars, Insight } from '@peft/run';
import type { Plan } from '../../worker/protocol.ts';

/** An adapter at a place, as the drawing shows it. */
export interface Mark {
  readonly adapter: string;
  readonly method: string;
  /** How much of its bar is filled: its value against the largest. */
  readonly share?: number;
  readonly note?: string;
  /** Whether it has been pruned. */
  readonly off?: boolean;
}

interface Measured {
  readonly share: number;
  readonly note: string;
  readonly off: boolean;
}

const isBars = (insight: Insight): insight is Bars => insight.kind === 'bars';

function measuredOf({ rows, measure }: Bars): [string, Measured][] {
  const largest = Math.max(...rows.map(({ value }) => value), Number.MIN_VALUE);
  return rows.map(({ name, value, note }) => {
    const text = [`${measure} ${value.toPrecision(3)}`, note].filter(Boolean).join(', ');
    return [name, { share: value / largest, note: text, off: note?.startsWith('pruned') ?? false }];
  });
}

/** What sits at each place of the model, with what the methods tell of it. */
export function marksOf(plan: Plan, insights: readonly Insight[]): ReadonlyMap<string, readonly Mark[]> {
  const measured = new Map(insights.filter(isBars).flatMap(measuredOf));
  const marks = new Map<string, Mark[]>();
  for (const { name, method, targets } of plan.adapters) {
    for (const target of targets) {
      const here = marks.get(target) ?? [];
      here.push({ adapter: name, method, ...measured.get(target) });
      marks.set(target, here);
    }
  }
  return marks;
}
