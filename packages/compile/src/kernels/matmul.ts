import * as tf from '@tensorflow/tfjs-core';
import type { Recorder } from '../record/recorder.ts';
import type { Value } from '../record/value.ts';
import { widened } from './barrier.ts';
import { add, binary, elementwiseKernels } from './elementwise.ts';
import type { Kernel, KernelTable, Values } from './kernel.ts';
import { permuted } from './shape.ts';

export interface MatMulOptions {
  transposeA?: boolean;
  transposeB?: boolean;
  /** Multiplies the product. */
  alpha?: number;
  /** Added to each row of a product of matrices. */
  bias?: Value;
}

/** Swaps the last two axes. */
function swapped(r: Recorder, x: Value): Value {
  const { length } = x.shape;
  const perm = [...Array(length - 2).keys(), length - 1, length - 2];
  return permuted(r, x, perm);
}

/** A factor, and whether the product must transpose it. If the transpose is stored, that is the factor. */
function asStored(r: Recorder, x: Value, transpose = false): [Value, boolean] {
  if (!x.transposed || !tf.util.arraysEqual(x.shape, [...x.held])) return [x, transpose];
  return [r.value(x.transposed, { shape: x.shape.toReversed() }), !transpose];
}

/**
 * `alpha a b` over the last two axes; the others broadcast. Transposes cost nothing: Gemm does them for matrices, and FusedMatMul,
 * which only ONNX Runtime has, for batches of float matrices.
 */
export function matMul(r: Recorder, left: Value, right: Value, options: MatMulOptions = {}): Value {
  const { alpha = 1, bias } = options;
  const [a, transposeA] = asStored(r, widened(r, left, right), options.transposeA);
  const [b, transposeB] = asStored(r, widened(r, right, left), options.transposeB);
  const rows = a.shape.at(transposeA ? -1 : -2)!;
  const columns = b.shape.at(transposeB ? -2 : -1)!;
  const batch = tf.backend_util.assertAndGetBroadcastShape(a.shape.slice(0, -2), b.shape.slice(0, -2));
  const made = { shape: [...batch, rows, columns], dtype: a.dtype };
  const plain = !transposeA && !transposeB && alpha === 1 && !bias;
  if (plain) return r.emit('MatMul', [a, b], made);
  const flags = { transA: Number(transposeA), transB: Number(transposeB), alpha: { float: alpha } };
  if (a.dtype === 'float32' && made.shape.length === 2)
    return r.emit('Gemm', bias ? [a, b, bias] : [a, b], made, flags);
  if (a.dtype === 'float32' && !r.portable) return r.emit('FusedMatMul', [a, b], made, flags, 'com.microsoft');
  const product = r.emit('MatMul', [transposeA ? swapped(r, a) : a, transposeB ? swapped(r, b) : b], made);
  return alpha === 1 ? product : binary(r, 'Mul', product, r.uniform(alpha, [], a.dtype));
}

const batchMatMul: Kernel<Values<'a' | 'b'>, tf.BatchMatMulAttrs> = ({ a, b }, attributes, r) =>
  matMul(r, a, b, attributes);

const activationKernels: Record<string, string> = {
  relu: 'Relu',
  relu6: 'Relu6',
  elu: 'Elu',
  sigmoid: 'Sigmoid',
  leakyrelu: 'LeakyRelu',
  prelu: 'Prelu',
};

type FusedInputs = Values<'a' | 'b'> & { bias?: Value; preluActivationWeights?: Value };

/** Product, bias and activation. */
const fusedMatMul: Kernel<FusedInputs, tf._FusedMatMulAttrs> = (
  { a, b, bias, preluActivationWeights },
  attributes,
  r,
) => {
  const product = matMul(r, a, b, attributes);
  const x = bias ? add(r, product, bias) : product;
  const name = activationKernels[attributes.activation];
  if (name === undefined) return x;
  const inputs: Values = preluActivationWeights ? { x, alpha: preluActivationWeights } : { x };
  return (elementwiseKernels[name] as Kernel)(inputs, { alpha: attributes.leakyreluAlpha }, r);
};

/** The shape of the output follows from the equation: one letter per axis, no ellipsis. */
const einsum: Kernel<Values, tf.EinsumAttrs> = (inputs, { equation }, r) => {
  const operands = Object.values(inputs);
  const compact = equation.replaceAll(' ', '');
  const [left = '', output = ''] = compact.split('->');
  const terms = left.split(',');
  const sizes = new Map<string, number>();
  for (const [i, { shape }] of operands.entries()) {
    for (const [axis, length] of shape.entries()) sizes.set(terms[i]?.[axis] ?? '', length);
  }
  const shape = [...output].map(letter => sizes.get(letter)!);
  return r.emit('Einsum', operands, { shape, dtype: operands[0]?.dtype }, { equation: compact });
};

export const matMulKernels: KernelTable = {
  BatchMatMul: batchMatMul,
  _FusedMatMul: fusedMatMul,
  Einsum: einsum,
};
