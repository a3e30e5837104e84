import type { Heap } from './heap.ts';
import { sizeOf } from './kernel.ts';
import { cost, shareSpans } from './threads/share.ts';

/** Elements from one to the next along each axis. */
export const stepsOf = (shape: number[]): number[] => shape.map((_, axis) => sizeOf(shape.slice(axis + 1)));

export const offsetOf = (position: number[], steps: number[]): number =>
  position.reduce((sum, index, axis) => sum + index * steps[axis]!, 0);

/** A box of elements and its position in two tensors, one of which may be larger. */
export interface Box {
  size: number[];
  /** Elements between neighbors along each axis of the box, in the source and in the target. */
  fromSteps: number[];
  toSteps: number[];
}

/** The most axes that `moveRows` walks, besides the one along a row. */
const outerAxes = 4;

/** Returns a function that copies a box. Joins axes that are contiguous in both tensors; `undefined` if too many are left. */
export function boxCopy(
  heap: Heap,
  { size, fromSteps, toSteps }: Box,
): ((from: number, to: number) => void) | undefined {
  const axes = size.flatMap((length, axis) =>
    length === 1 ? [] : [{ length, from: fromSteps[axis]!, to: toSteps[axis]! }],
  );
  let count = 1;
  for (let last = axes.at(-1); last && last.from === count && last.to === count; last = axes.at(-1)) {
    count *= last.length;
    axes.pop();
  }
  if (axes.length > outerAxes) return undefined;
  const [first, ...rest] = axes;
  if (!first) {
    return (from, to) => {
      shareSpans(heap.team, count, cost.move, ({ moveRows }, start, length) => {
        moveRows(from + 4 * start, to + 4 * start, length, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0);
      });
    };
  }
  const unused = Array<number>(outerAxes - axes.length).fill(1);
  const lengths = rest.map(axis => axis.length);
  const steps = [axes.map(axis => axis.from), axes.map(axis => axis.to)];
  const work = sizeOf(lengths) * count * cost.move;
  return (from, to) => {
    shareSpans(heap.team, first.length, work, ({ moveRows }, start, length) => {
      const layout = [[length, ...lengths], ...steps].flatMap(values => [...unused, ...values]);
      moveRows(from + 4 * first.from * start, to + 4 * first.to * start, count, ...layout);
    });
  };
}
