import * as tf from '@tensorflow/tfjs-core';
import { isConstant } from './detach.ts';
import { type FusedOp, runFused } from './kernel.ts';
import { currentScope, withScope } from './scope.ts';

/** `x`, made to depend on `after`, so that an engine does not merge the recomputation with the first pass. */
const barrierOp: FusedOp = {
  name: 'PeftBarrier',
  reference: ({ x }) => tf.clone(x),
};

/** Runs `f` on its own tape. Returns the result and the variables that it depends on. */
function taped(f: () => tf.Tensor, variables: Iterable<tf.Tensor>): { result: tf.Tensor; used: tf.Tensor[] } {
  const { state } = tf.engine();
  const outer = state.activeTape;
  state.activeTape = [];
  try {
    const result = tf.tidy(f);
    const touched = new Set(state.activeTape.flatMap(({ inputs }) => Object.values(inputs).map(({ id }) => id)));
    return { result, used: [...variables].filter(({ id }) => touched.has(id)) };
  } finally {
    for (const { saved } of state.activeTape) tf.dispose(saved as tf.Tensor[]);
    state.activeTape = outer;
  }
}

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
  const { result, used } = taped(() => f(x), scope.variables);
  const parameters = used.filter(variable => variable !== x);
  const byInput = !isConstant(x);
  const sources = byInput ? [x, ...parameters] : parameters;
  if (sources.length === 0) return result;
  const value = tf.customGrad((...args: unknown[]) => {
    (args[sources.length] as tf.GradSaveFunc)([x]);
    const gradFunc = (dy: tf.Tensor | tf.Tensor[], saved: tf.Tensor[]): tf.Tensor[] =>
      withScope(scope, () => backward(f, saved[0], byInput, parameters, dy as tf.Tensor));
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
  const engine = tf.engine();
  const outer = engine.state.activeTape;
  const [again] = runFused(barrierOp, { x, after: dy });
  const sources = byInput ? [again, ...parameters] : [...parameters];
  try {
    const variables = new Set([...(currentScope().variables ?? []), ...sources]);
    const { value, grads } = withScope({ variables }, () => engine.gradients(() => f(again), sources, dy, true));
    value.dispose();
    return sources.map(({ shape }, i) => (grads[i] ? tf.clone(grads[i]) : tf.zeros(shape)));
  } finally {
    engine.state.activeTape = outer;
    again.dispose();
  }
}
