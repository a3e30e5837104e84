import * as tf from '@tensorflow/tfjs-core';
import { isConstant } from './detach.ts';
import { type FusedOp, runFused } from './kernel.ts';
import { currentScope, withScope } from './scope.ts';
import type { Tensors } from './tensors.ts';
import { gradientsWithin, withOwnTape } from './tfjs.ts';

/** `x`, made to depend on `after`, so that an engine does not merge the recomputation with the first pass. */
const barrierOp: FusedOp<Tensors<'x' | 'after'>, [x: tf.Tensor]> = {
  name: 'PeftBarrier',
  reference: ({ x }) => [tf.clone(x)],
};

/**
 * Evaluates `f(x)` and keeps only `x`; the backward pass evaluates it again (gradient checkpointing, Chen et al. 2016, arXiv
 * 1604.06174). Gradients flow to `x` and to the variables of {@link valueAndGrads}; outside of that, this is `f(x)`. Both
 * passes draw the same random numbers, which depend on path and step alone.
 *
 * @param f a function of `x` and of variables, and of no other tensor that has a gradient
 */
export function checkpointed(f: (x: tf.Tensor) => tf.Tensor, x: tf.Tensor): tf.Tensor {
  const scope = currentScope();
  if (!scope.variables) return f(x);
  const { result, used } = withOwnTape(() => f(x), scope.variables);
  const parameters = used.filter(variable => variable !== x);
  const byInput = !isConstant(x);
  const sources = byInput ? [x, ...parameters] : parameters;
  if (sources.length === 0) return result;
  const value = tf.customGrad((...args: unknown[]) => {
    (args[sources.length] as tf.GradSaveFunc)([x]);
    const gradFunc = (dy: tf.Tensor | tf.Tensor[], saved: tf.Tensor[]): tf.Tensor[] => {
      const [kept] = saved as [tf.Tensor];
      return withScope(scope, () => backward(f, kept, byInput, parameters, dy as tf.Tensor));
    };
    return { value: tf.clone(result), gradFunc };
  })(...sources);
  result.dispose();
  return value;
}

/** The gradients of `f(x)` with respect to the parameters and, if asked for, to `x`. */
function backward(
  f: (x: tf.Tensor) => tf.Tensor,
  x: tf.Tensor,
  byInput: boolean,
  parameters: readonly tf.Tensor[],
  dy: tf.Tensor,
): tf.Tensor[] {
  const [again] = runFused(barrierOp, { x, after: dy });
  const sources = byInput ? [again, ...parameters] : [...parameters];
  try {
    const variables = new Set([...(currentScope().variables ?? []), ...sources]);
    const grads = withScope({ variables }, () => gradientsWithin(() => f(again), sources, dy));
    return sources.map(({ shape }, i) => (grads[i] ? tf.clone(grads[i]) : tf.zeros(shape)));
  } finally {
    again.dispose();
  }
}
