export interface Point {
  readonly x: number;
  readonly y: number;
}

/** Drawn points at most; more are averaged. */
const mostPoints = 240;

/** The losses as points `(step, loss)`, the mean of each run of steps where there are many. */
export function smoothed(losses: readonly number[]): Point[] {
  const window = Math.max(1, Math.ceil(losses.length / mostPoints));
  const points: Point[] = [];
  for (let start = 0; start < losses.length; start += window) {
    const part = losses.slice(start, start + window);
    const mean = part.reduce((sum, loss) => sum + loss, 0) / part.length;
    points.push({ x: start + (part.length + 1) / 2, y: mean });
  }
  return points;
}

/** The next number from above whose quarters are round: 1, 2, 4, 6, 8, 10, and those by powers of ten. */
export function roundUp(value: number): number {
  if (value <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  const leading = [1, 2, 4, 6, 8, 10].find(step => step * power >= value) ?? 10;
  return leading * power;
}

/** A line through points, as SVG draws it. */
export const pathOf = (points: readonly Point[]): string =>
  points.map(({ x, y }, i) => `${i === 0 ? 'M' : 'L'}${x.toFixed(1)} ${y.toFixed(1)}`).join('');
