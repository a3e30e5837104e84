import type { Bars, Grid, Insight } from '@peft/run';
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

const isOf =
  (name: string) =>
  ({ adapter }: Insight): boolean =>
    adapter === undefined || adapter.name === name;

function measuredOf({ rows, measure }: Bars): [string, Measured][] {
  const largest = Math.max(...rows.map(({ value }) => value), Number.MIN_VALUE);
  return rows.map(({ name, value, note }) => {
    const text = [`${measure} ${value.toPrecision(3)}`, note].filter(Boolean).join(', ');
    return [name, { share: value / largest, note: text, off: note?.startsWith('pruned') ?? false }];
  });
}

/** What sits at each place of the model, with what the methods tell of it. */
export function marksOf(plan: Plan, insights: readonly Insight[]): ReadonlyMap<string, readonly Mark[]> {
  const marks = new Map<string, Mark[]>();
  for (const { name, method, targets } of plan.adapters) {
    const measured = new Map(insights.filter(isOf(name)).filter(isBars).flatMap(measuredOf));
    for (const target of targets) {
      const here = marks.get(target) ?? [];
      here.push({ adapter: name, method, ...measured.get(target) });
      marks.set(target, here);
    }
  }
  return marks;
}

/** A head or an expert at a place. */
export interface Unit {
  readonly name: string;
  /** Its value against the largest of its row. */
  readonly share: number;
  readonly off: boolean;
}

/** The heads or experts of an adapter at a place. */
export interface UnitRow {
  readonly adapter: string;
  readonly method: string;
  readonly units: readonly Unit[];
}

const isGrid = (insight: Insight): insight is Grid => insight.kind === 'grid';

const unitsOf = ({ columns }: Grid, { values, off = [] }: Grid['rows'][number]): Unit[] => {
  const largest = Math.max(...values, Number.MIN_VALUE);
  return values.map((value, i) => ({ name: `${columns} ${i}`, share: value / largest, off: off.includes(i) }));
};

/** Heads and experts by place, where a method tells of them: by its id, or as the side of an attention, `blocks.0.attn q`. */
export function unitsAt(plan: Plan, insights: readonly Insight[]): ReadonlyMap<string, readonly UnitRow[]> {
  const sides = plan.blocks.flatMap(({ path, attention }) =>
    attention.map(({ id, label }) => [`${path}.attn ${label}`, id] as const),
  );
  const idOf = new Map<string, string>(sides);
  const found = new Map<string, UnitRow[]>();
  for (const { name, method } of plan.adapters) {
    for (const grid of insights.filter(isOf(name)).filter(isGrid)) {
      for (const row of grid.rows) {
        const id = idOf.get(row.name) ?? row.name;
        found.set(id, [...(found.get(id) ?? []), { adapter: name, method, units: unitsOf(grid, row) }]);
      }
    }
  }
  return found;
}
