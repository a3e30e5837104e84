import type { Point } from './charts.ts';

/** Points that a smoothed curve has, about: each is the mean of as many steps around it. */
const detail = 40;

/** The centered moving mean of the losses of steps, against the step: a curve that shows where it goes. */
export function smoothed(losses: readonly number[]): Point[] {
  const reach = Math.floor(losses.length / detail / 2);
  return losses.map((_, i) => {
    const around = losses.slice(Math.max(0, i - reach), i + reach + 1);
    return { x: i + 1, y: around.reduce((sum, loss) => sum + loss, 0) / around.length };
  });
}
