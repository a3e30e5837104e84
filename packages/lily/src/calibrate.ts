import { type AdaptedModel, adaptformer, check } from '@peft/core';
import { isBlock, isMadeBy, parameterOf } from '@peft/core/method';
import type * as tf from '@tensorflow/tfjs-core';
import { lily } from './lily.ts';
import { expertMixing } from './mixing.ts';

/** The cost of freezing the routing. */
export interface Calibration {
  /** The largest difference that it makes to an output, over the calibration set. */
  readonly deviation: number;
  /** Batches that it was averaged over. */
  readonly batches: number;
}

/**
 * Lets an adapter go on with its routing frozen at the mean over a calibration set: at every target `B = sum_e p_e P_e`, a plain
 * low-rank pair, which merges. This is lossy: the routers no longer see the input.
 *
 * @param batches the calibration set; gone through twice, and each batch is disposed of
 * @throws PeftError `not-supported` where a block is adapted: what lies in parallel to an MLP folds into no weight;
 *   `bad-argument` for a set that is empty, or not the same the second time
 */
export async function calibrate(
  model: AdaptedModel,
  name: string,
  batches: () => AsyncIterable<tf.Tensor> | Iterable<tf.Tensor>,
): Promise<Calibration> {
  const adapter = model.get(name);
  const { method } = adapter;
  check(
    isMadeBy(method, lily),
    'not-supported',
    () => `Adapter "${name}" is ${method.type}; only Lily's routing is calibrated.`,
  );
  const block = adapter.plan.targets.find(isBlock);
  check(
    !block,
    'not-supported',
    () => `Adapter "${name}" adapts ${block?.path}, a block: no weight can take it. Train Lily on linear modules only.`,
  );
  const sums = new Map<string, Float64Array>();
  const before: Float32Array[] = [];
  for await (const images of batches()) {
    for (const [id, mean] of Object.entries(expertMixing(model, adapter, images))) {
      const sum = sums.get(id);
      sums.set(
        id,
        Float64Array.from(await read(mean), (p, e) => p + (sum?.[e] ?? 0)),
      );
    }
    before.push(await outputs(model, images));
  }
  check(before.length > 0, 'bad-argument', () => 'The calibration set is empty.');

  const { r, scale, targets, exclude, layers, layersPattern, modulesToSave } = method.config;
  const pair = adaptformer({ act: 'identity', r, scale, targets, exclude, layers, layersPattern, modulesToSave });
  const values: Record<string, Float32Array> = {};
  for (const attached of adapter.attachedTargets) {
    const { id } = attached.target;
    const p = (sums.get(id) ?? new Float64Array()).map(sum => sum / before.length);
    values[`${id}.A`] = await parameterOf(attached, 'A').get();
    values[`${id}.B`] = mixed(p, await parameterOf(attached, 'P').get());
  }
  await model.replace(name, { method: pair, values });

  let deviation = 0;
  let batch = 0;
  for await (const images of batches()) {
    const after = await outputs(model, images);
    const start = before[batch++];
    check(start?.length === after.length, 'bad-argument', () => {
      return `Batch ${batch} of the calibration set is another one the second time; batches() must give the same again.`;
    });
    deviation = after.reduce((largest, value, i) => Math.max(largest, Math.abs(value - start[i]!)), deviation);
  }
  return { deviation, batches: before.length };
}

/** `sum_e p_e P_e`: p `[n]`, P `[n r, out]` to `[r, out]`, row-major. */
function mixed(p: Float64Array, P: Float32Array): Float32Array {
  const size = P.length / p.length;
  return Float32Array.from({ length: size }, (_, i) =>
    p.reduce((sum, weight, e) => sum + weight * P[e * size + i]!, 0),
  );
}

function outputs(model: AdaptedModel, images: tf.Tensor): Promise<Float32Array> {
  const y = model.call(images);
  images.dispose();
  return read(y);
}

async function read(tensor: tf.Tensor): Promise<Float32Array> {
  try {
    return Float32Array.from(await tensor.data());
  } finally {
    tensor.dispose();
  }
}
