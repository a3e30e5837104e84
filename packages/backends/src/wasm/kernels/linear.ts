import { dims } from '@peft/core';
import { quantizedWeight } from '@peft/core/engine';
import type { TensorInfo } from '@tensorflow/tfjs-core';
import type { Heap } from '../heap.ts';
import { allOf, fastKernel, sizeOf } from '../kernel.ts';
import { cost, shareSpans } from '../threads/share.ts';
import { shareProduct, tile } from './matmul.ts';

/** A product of rows in 8 bits at these addresses with a packed weight `[k, n]`: see `multiplyRounded`. */
interface RoundedProduct {
  rows: number;
  k: number;
  n: number;
  x: number;
  factors: number;
  weight: number;
  columnScales: number;
  bias: number;
  y: number;
}

/** Shares it out by rows, each of which is rounded once. */
function shareRounded({ team, weights }: Heap, { rows, k, n, x, y, ...rest }: RoundedProduct): void {
  const { factors, weight, columnScales, bias } = rest;
  const work = n * k * cost.dot;
  shareSpans(
    team,
    rows,
    work,
    ({ multiplyRounded }, row, length) => {
      const [from, to] = [x + 4 * k * row, y + 4 * n * row];
      multiplyRounded(length, n, k, from, factors, weight, columnScales, bias, to, weights.offset);
    },
    tile.rows,
  );
}

/** x W + bias: core's `linear`. The floats of a weight in 8 bits are not asked for, so that they are not in the heap. */
export const linear = fastKernel<{ x: TensorInfo; weight: TensorInfo; bias?: TensorInfo }>(
  'PeftLinear',
  (heap, { x, weight, bias }) => {
    if (!allOf('float32', x, weight, bias)) return undefined;
    const [k, n] = dims(weight, 2);
    const rows = sizeOf(x.shape.slice(0, -1));
    const output = heap.make([...x.shape.slice(0, -1), n]);
    const [from, y] = heap.addresses(x, output);
    const added = bias ? heap.address(bias) : 0;
    const quantized = quantizedWeight(weight.dataId);
    if (quantized) {
      const { forward, scales } = heap.weights.of(quantized, [k, n]);
      shareRounded(heap, { rows, k, n, x: from, factors: 0, weight: forward, columnScales: scales, bias: added, y });
      return output;
    }
    const b = heap.address(weight);
    shareProduct(heap.team, { m: rows, n, k, a: from, transposeA: false, b, transposeB: false, c: y, d: added });
    return output;
  },
);

/** dy W^T: the gradient of `linear` for x. */
export const linearInputGrad = fastKernel<{ dy: TensorInfo; weight: TensorInfo }>(
  'PeftLinearInputGrad',
  (heap, { dy, weight }) => {
    if (!allOf('float32', dy, weight)) return undefined;
    const [n, k] = dims(weight, 2);
    const rows = sizeOf(dy.shape.slice(0, -1));
    const output = heap.make([...dy.shape.slice(0, -1), n]);
    const [from, y] = heap.addresses(dy, output);
    const quantized = quantizedWeight(weight.dataId);
    if (quantized) {
      const { backward, scales } = heap.weights.of(quantized, [n, k]);
      shareRounded(heap, { rows, k, n, x: from, factors: scales, weight: backward, columnScales: 0, bias: 0, y });
      return output;
    }
    const b = heap.address(weight);
    shareProduct(heap.team, { m: rows, n, k, a: from, transposeA: false, b, transposeB: true, c: y, d: 0 });
    return output;
  },
);
