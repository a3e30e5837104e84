import { type DeltaCall, linear, type Method, type Tensors, type WeightCall } from '@peft/core';
import * as tf from '@tensorflow/tfjs-core';
import { maskOf, widenTensor } from './mask.ts';
import type { Placement } from './placement.ts';

/*
 * A binary mask m over heads, each spread over its d_h features.
 *
 * On the delta, the pretrained head stays:
 *
 *     q' = x W_q + b_q + dq (.) m
 *
 * On the output, the whole head goes, of which the projection that reads it takes care. With O what it reads:
 *
 *     y = (O (.) m) (W + dW) + b = O W + b + [ (O (.) m) dW - (O (.) (1 - m)) W ]
 */

/** The tensors of a target as the method knows them: zeros where heads are off. */
const wholeOf = (parameters: Tensors, { axes, outputs }: Placement): Tensors =>
  Object.fromEntries(
    Object.entries(parameters).map(([name, tensor]) => {
      const isCut = outputs !== undefined && name in axes;
      return [name, isCut ? widenTensor(tensor, axes[name], outputs) : tensor];
    }),
  );

/** What is added to a target's output, `[..., out]`. */
export function maskedDelta(call: DeltaCall, base: Method, placement: Placement): tf.Tensor {
  const { x, weight, baseOutput, target } = call;
  const { specs, outputs, inputs } = placement;
  const parameters = wholeOf(call.parameters, placement);
  if (inputs) {
    const m = maskOf(inputs); // [in]
    const cut = linear(tf.mul(x, tf.sub(m, 1)), weight()); // -(O (.) (1 - m)) W
    if (!specs) return cut;
    return tf.add(
      cut,
      base.delta({ ...call, parameters, x: tf.mul(x, m), baseOutput: () => tf.add(baseOutput(), cut) }),
    );
  }
  if (!specs) return tf.zeros([...x.shape.slice(0, -1), target.outFeatures]);
  const delta = base.delta({ ...call, parameters });
  return outputs ? tf.mul(delta, maskOf(outputs)) : delta;
}

/** A change of a target's weight, `[in, out]`, where heads are on. */
function maskedChange(change: tf.Tensor, { outputs, inputs }: Placement): tf.Tensor {
  if (inputs) return tf.mul(change, tf.expandDims(maskOf(inputs), 1));
  return outputs ? tf.mul(change, maskOf(outputs)) : change;
}

/** What is added to a target's weight before the module uses it, `[in, out]`. */
export function maskedWeightDelta(call: WeightCall, base: Method, placement: Placement): tf.Tensor | undefined {
  const parameters = wholeOf(call.parameters, placement);
  const change = placement.specs && base.weightDelta?.({ ...call, parameters });
  return change && maskedChange(change, placement);
}

/** What merging adds to a target's weight, `[in, out]`: for an output mask, `m (W + dW) - W`. */
export function maskedDeltaWeight(call: WeightCall, base: Method, placement: Placement): tf.Tensor {
  const { weight } = call;
  const { specs, inputs } = placement;
  const parameters = wholeOf(call.parameters, placement);
  const change = specs && base.deltaWeight?.({ ...call, parameters });
  const kept = change && maskedChange(change, placement);
  const cut = inputs && tf.mul(weight(), tf.expandDims(tf.sub(maskOf(inputs), 1), 1));
  if (kept && cut) return tf.add(kept, cut);
  return kept ?? cut ?? tf.zerosLike(weight());
}
