import * as tf from '@tensorflow/tfjs-core';
import { elementCodes } from '../onnx/graph.ts';
import type { Recorder } from '../record/recorder.ts';
import type { Value } from '../record/value.ts';
import { binary, scalar } from './elementwise.ts';
import type { Kernel, KernelTable, Values } from './kernel.ts';
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

/**
 * A value for a single use. A value that is stored in half precision is widened for this use only, once the other operand is there, so
 * that the wide copy lives no longer than the use.
 */
export function widened(r: Recorder, x: Value, other: Value): Value {
  if (!x.stored || !tf.util.arraysEqual(x.shape, [...x.held])) return x;
  const [zero] = r.graph.node('Cast', [r.full(never(r, other))], { to: elementCodes.int64 });
  const [shape] = r.graph.node('Add', [r.ints(x.shape), zero]);
  const [half] = r.graph.node('Reshape', [x.stored, shape]);
  const [name] = r.graph.node('Cast', [half], { to: elementCodes.float32 });
  return r.value(name, x);
}

export const barrierKernels: KernelTable = { PeftBarrier: barrier };
