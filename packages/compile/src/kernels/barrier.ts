import * as tf from '@tensorflow/tfjs-core';
import { elementCodes } from '../onnx/graph.ts';
import type { Recorder } from '../record/recorder.ts';
import type { Value } from '../record/value.ts';
import { binary, scalar } from './elementwise.ts';
import type { Kernel, KernelTable, Values } from './kernel.ts';
import { dequantized } from './quantized.ts';
import { slice } from './shape.ts';

/** A `false` that waits for `after`, and that no graph optimizer can fold: whether a number of it exceeds infinity. */
function never(r: Recorder, after: Value): Value {
  const zeros = after.shape.map(() => 0);
  const ones = after.shape.map(() => 1);
  const number = r.reshape(slice(r, after, zeros, ones), []);
  return binary(r, 'Greater', number, scalar(r, Number.POSITIVE_INFINITY, number), 'bool');
}

/** `x + 0`, which an optimizer takes for another value than `x`, and which waits for `after`. */
const barrier: Kernel<Values<'x' | 'after'>> = ({ x, after }, _, r) =>
  binary(r, 'Add', x, r.cast(never(r, after), 'float32'));

/** A graph input in its own shape, which no graph optimizer can tell, once `after` is there. */
function held(r: Recorder, input: string, shape: readonly number[], after: Value): string {
  const [zero] = r.graph.node('Cast', [r.full(never(r, after))], { to: elementCodes.int64 });
  const [same] = r.graph.node('Add', [r.ints(shape), zero]);
  return r.graph.node('Reshape', [input, same])[0];
}

/**
 * A value for a single use. A value that is stored in fewer bits is widened for this use only, once the other operand is there, so
 * that the wide copy lives no longer than the use.
 */
export function widened(r: Recorder, x: Value, other: Value): Value {
  if (!tf.util.arraysEqual(x.shape, [...x.held])) return x;
  if (x.stored) {
    const half = held(r, x.stored, x.shape, other);
    return r.value(r.graph.node('Cast', [half], { to: elementCodes.float32 })[0], x);
  }
  if (!x.quantized) return x;
  const values = held(r, x.quantized.values.name, x.shape, other);
  return r.value(dequantized(r, x.quantized, values), x);
}

export const barrierKernels: KernelTable = { PeftBarrier: barrier };
