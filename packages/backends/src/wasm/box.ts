import type { Heap } from './heap.ts';
import { sizeOf } from './kernel.ts';
import { cost, shareSpans } from './threads/share.ts';

/** Elements from one to the next along each axis. */
export const stepsOf = (shape: number[]): number[] => shape.map((_, axis) => sizeOf(shape.slice(axis + 1)));

export const offsetOf = (position: number[], steps: number[]): number =>
  position.reduce((sum, index, axis) => sum + index * steps[axis], 0);

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
  const axes = size.flatMap((length, axis) => (length === 1 ? [] : [axis]));
  let count = 1;
  while (axes.length > 0) {
    const axis = axes[axes.length - 1];
    if (fromSteps[axis] !== count || toSteps[axis] !== count) break;
    count *= size[axis];
    axes.pop();
  }
  if (axes.length > outerAxes) return undefined;
  if (axes.length === 0) {
    return (from, to) => {
      shareSpans(heap.team, count, cost.move, ({ moveRows }, start, length) => {
        moveRows(from + 4 * start, to + 4 * start, length, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0);
      });
    };
  }
  const unused = Array<number>(outerAxes - axes.length).fill(1);
  const [sizes, fromOuter, toOuter] = [size, fromSteps, toSteps].map(values => axes.map(axis => values[axis]));
  const [first, ...rest] = sizes;
  const work = sizeOf(rest) * count * cost.move;
  return (from, to) => {
    shareSpans(heap.team, first, work, ({ moveRows }, start, length) => {
      const layout = [[length, ...rest], fromOuter, toOuter].flatMap(values => [...unused, ...values]);
      moveRows(from + 4 * fromOuter[0] * start, to + 4 * toOuter[0] * start, count, ...layout);
    });
  };
}
