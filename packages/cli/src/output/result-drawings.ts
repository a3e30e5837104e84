import { renderMatrix } from '@peft/report';
import { type Curve, panel, smoothed } from '@peft/report/node';
import type { RunResult } from '@peft/run';

/** The losses of a run, smoothed, with the raw ones behind. */
export const lossCurve = (name: string, { losses }: Pick<RunResult, 'losses'>): Curve => ({
  name,
  points: smoothed(losses),
  raw: losses.map((y, i) => ({ x: i + 1, y })),
});

/** Classes that a matrix can show. */
const mostClasses = 40;

/** The confusion of a run below its title; nothing where there are too many classes. */
export function confusionPanel(
  title: string,
  { metrics: { confusion: counts } }: Pick<RunResult, 'metrics'>,
  classes: readonly string[],
): string {
  return counts.length > mostClasses ? '' : panel(title, renderMatrix({ counts, classes }));
}
