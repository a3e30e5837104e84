import { saveBackbone } from '@peft/backbones/node';
import { check, dims, fold, key } from '@peft/core';
import { drawNormal } from '@peft/core/engine';
import { batchSource } from '@peft/data';
import { calibrate } from '@peft/lily';
import * as tf from '@tensorflow/tfjs-core';
import { type Arguments, required } from '../arguments.ts';
import { openData } from '../data.ts';
import { allowed, largestDifference } from '../difference.ts';
import { openEager } from '../engine.ts';
import { type OpenedModel, openWithAdapter } from '../model.ts';
import type { Output } from '../output/output.ts';

/**
 * The share of the largest logit by which folding may change logits: float32 sums in another order, layer after layer; and with
 * weights in 8 bits, that inputs of the merged ones are rounded no more.
 */
const tolerance = 1e-3;
const int8Tolerance = 0.1;

/** Folds adapters into the base weights and writes a folder in the base's layout, which is opened again and compared first. */
export async function merge(args: Arguments, output: Output): Promise<void> {
  const [adapter, out] = [required(args, 'adapter'), required(args, 'out')];
  await openEager(args, output);
  const opened = await openWithAdapter(args, adapter, output);
  const { model, backbone, labels, preprocessing } = opened;
  if (args.calibrate !== undefined) await freezeRouting(args, args.calibrate, opened, output);
  const [height, width] = backbone.model.imageSize;
  const probe = tf.tensor(drawNormal(fold(key(args.seed), 'probe'), 2 * height * width * 3), [2, height, width, 3]);
  const before = await read(model.call(probe)); // after calibration, so that the difference is that of folding alone
  model.merge();
  const after = await read(model.call(probe));
  const maxAbsDiff = largestDifference(before, after);
  const limit = allowed(before, backbone.frozenDtype ? int8Tolerance : tolerance);
  check(maxAbsDiff <= limit, 'numerics', () => {
    return `The merged model differs from the adapted one by ${maxAbsDiff} in a logit of a probe batch, with ${limit} allowed; ${out} was not written. The update is too large for the float32 of the weights.`;
  });
  const { format, difference } = await saveBackbone(backbone, out, { labels, preprocessing });
  output.answer(
    `Merged into ${out}, a folder of ${format}; largest logit difference on a probe batch ${maxAbsDiff.toExponential(2)}, ` +
      `and ${difference.toExponential(2)} after reading it again`,
    { maxAbsDiff, reopened: difference, format, out },
  );
}

/** The most pictures that a calibration takes. */
const calibrationPictures = 256;

/** Freezes the routing of adapters that mix by input at its mean, and says what that costs. */
async function freezeRouting(args: Arguments, data: string, opened: OpenedModel, output: Output): Promise<void> {
  const { model, preprocessing } = opened;
  const dataset = await openData({ ...args, data }, args.split ?? 'train', output);
  try {
    const { batch = 32, seed } = args;
    const source = batchSource(dataset, preprocessing, {
      batch,
      seed,
      shuffle: true,
      dropLast: false,
      augment: 'none',
    });
    async function* pictures(): AsyncGenerator<tf.Tensor> {
      let seen = 0;
      for await (const { images } of source.batches(0)) {
        yield tf.tensor(images.data, [...images.shape]);
        seen += dims(images, 4)[0];
        if (seen >= calibrationPictures) return;
      }
    }
    for (const { name } of model.active.filter(({ method }) => method.mergeable !== true)) {
      const { deviation, batches } = await calibrate(model, name, pictures);
      output.note(
        `Adapter "${name}": its routing is frozen at the mean of ${batches} batches; largest logit difference there ${deviation.toExponential(2)}`,
      );
    }
  } finally {
    await dataset.close?.();
  }
}

async function read(tensor: tf.Tensor): Promise<Float32Array> {
  const values = Float32Array.from(await tensor.data());
  tensor.dispose();
  return values;
}
