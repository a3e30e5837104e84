import { dims } from '@peft/core';
import * as tf from '@tensorflow/tfjs-core';
import type { Heap } from '../heap.ts';
import { allOf, fastKernel, sizeOf } from '../kernel.ts';
import { type SpanCalls, shareOut, shareSpans } from '../threads/share.ts';
import type { Team } from '../threads/team.ts';

type TensorInfo = tf.TensorInfo;

interface MatMulInputs {
  a: TensorInfo;
  b: TensorInfo;
}

interface MatMulAttributes {
  transposeA: boolean;
  transposeB: boolean;
}

interface FusedInputs extends MatMulInputs {
  bias?: TensorInfo;
  preluActivationWeights?: TensorInfo;
}

interface FusedAttributes extends MatMulAttributes {
  activation: string;
  leakyreluAlpha?: number;
}

/** For each matrix of a batch of shape `out`, which matrix of `batch` is broadcast there. */
function batchIndices(batch: number[], out: number[]): number[] {
  let indices = [0];
  const lead = out.length - batch.length;
  for (const [axis, wide] of out.entries()) {
    const length = batch[axis - lead] ?? 1;
    const steps = Array.from({ length: wide }, (_, i) => (length === 1 ? 0 : i));
    indices = indices.flatMap(index => steps.map(step => index * length + step));
  }
  return indices;
}

/** Multiples of what a tile of either build of the kernel has, so that no span ends within one. */
export const tile = { rows: 12, columns: 8 };

/** A product of matrices that lie without gaps at these addresses: c = op(a) op(b) + d, with one row d, or none if 0. */
interface Product extends MatMulAttributes {
  m: number;
  n: number;
  k: number;
  a: number;
  b: number;
  c: number;
  d: number;
}

/** Shares a product out by rows of c, or by its columns where there are more of them. */
export function shareProduct(team: Team, { m, n, k, a, transposeA, b, transposeB, c, d }: Product): void {
  const [strideA, strideB, strideC] = [4 * (transposeA ? m : k), 4 * (transposeB ? k : n), 4 * n];
  const [nextRow, nextColumn] = [transposeA ? 4 : strideA, transposeB ? strideB : 4];
  const byRows: SpanCalls = ({ gemm }, i, rows) => {
    gemm(rows, n, k, a + nextRow * i, strideA, transposeA, b, strideB, transposeB, c + strideC * i, strideC, 1, d, 0);
  };
  const byColumns: SpanCalls = ({ gemm }, j, columns) => {
    const added = d && d + 4 * j;
    gemm(
      m,
      columns,
      k,
      a,
      strideA,
      transposeA,
      b + nextColumn * j,
      strideB,
      transposeB,
      c + 4 * j,
      strideC,
      1,
      added,
      0,
    );
  };
  if (m >= n) shareSpans(team, m, n * k, byRows, tile.rows);
  else shareSpans(team, n, m * k, byColumns, tile.columns);
}

/** Rows and columns of the matrices in a batch. */
const matrixSize = ({ shape }: TensorInfo) => dims({ shape: shape.slice(-2) }, 2);

/** op(a) op(b) + bias `[n]`, or undefined if the inner sizes differ. */
function multiply(
  heap: Heap,
  { a, b }: MatMulInputs,
  { transposeA, transposeB }: MatMulAttributes,
  bias?: TensorInfo,
): TensorInfo | undefined {
  const [aRows, aColumns] = matrixSize(a);
  const [bRows, bColumns] = matrixSize(b);
  const [m, k] = transposeA ? [aColumns, aRows] : [aRows, aColumns];
  const [n, inner] = transposeB ? [bRows, bColumns] : [bColumns, bRows];
  if (k !== inner) return undefined;

  const aBatch = a.shape.slice(0, -2);
  const bBatch = b.shape.slice(0, -2);
  const batch = tf.broadcast_util.assertAndGetBroadcastShape(aBatch, bBatch);
  const count = sizeOf(batch);
  const y = heap.make([...batch, m, n]);
  const [from, by, to] = heap.addresses(a, b, y);
  const d = bias ? heap.address(bias) : 0;
  if (count === 1 || (!transposeA && sizeOf(bBatch) === 1)) {
    shareProduct(heap.team, { m: count * m, n, k, a: from, transposeA, b: by, transposeB, c: to, d }); // one tall matrix
    return y;
  }
  const aIndices = batchIndices(aBatch, batch);
  const bIndices = batchIndices(bBatch, batch);
  const [strideA, strideB, strideC] = [4 * aColumns, 4 * bColumns, 4 * n];
  shareOut(heap.team, count, m * n * k, ({ gemm }, i) => {
    const left = from + 4 * m * k * aIndices[i]!;
    const right = by + 4 * k * n * bIndices[i]!;
    gemm(m, n, k, left, strideA, transposeA, right, strideB, transposeB, to + 4 * m * n * i, strideC, 1, d, 0);
  });
  return y;
}

export const batchMatMul = fastKernel<MatMulInputs, MatMulAttributes>(tf.BatchMatMul, (heap, inputs, attributes) =>
  allOf('float32', inputs.a, inputs.b) ? multiply(heap, inputs, attributes) : undefined,
);

/** The kernels of the activations that `tf.fused` knows. */
const activations: Record<string, string> = {
  relu: tf.Relu,
  relu6: tf.Relu6,
  sigmoid: tf.Sigmoid,
  elu: tf.Elu,
  prelu: tf.Prelu,
  leakyrelu: tf.LeakyRelu,
};

/** In batched or transposed products tfjs' own kernel adds the bias once for each 48 of k. */
export const fusedMatMul = fastKernel<FusedInputs, FusedAttributes>(tf._FusedMatMul, (heap, inputs, attributes) => {
  const { a, b, bias, preluActivationWeights: alpha } = inputs;
  const { activation, transposeB, leakyreluAlpha } = attributes;
  const n = b.shape.at(transposeB ? -2 : -1);
  const biasFits = !bias || (sizeOf(bias.shape) === n && bias.shape.at(-1) === n);
  const activationKernel = activations[activation];
  const activate = activationKernel === undefined ? undefined : tf.getKernel(activationKernel, 'wasm');
  if (!allOf('float32', a, b, bias) || !biasFits || (activation !== 'linear' && !activate)) return undefined;
  const y = multiply(heap, inputs, attributes, bias);
  if (!y || !activate) return y;
  const activated = activate.kernelFunc({
    inputs: alpha ? { x: y, alpha } : { x: y },
    attrs: { alpha: leakyreluAlpha ?? 0 },
    backend: heap.backend,
  });
  heap.release(y);
  return activated;
});
