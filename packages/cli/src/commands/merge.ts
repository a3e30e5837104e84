import { exportBackbone } from '@peft/backbones';
import { drawNormal, fold, key, serializeSafetensors } from '@peft/core';
import { writeFolderAtomic } from '@peft/core/node';
import * as tf from '@tensorflow/tfjs-core';
import { type Arguments, required } from '../arguments.ts';
import type { Output } from '../output/output.ts';
import { largestDifference } from '../world/difference.ts';
import { openEagerBackend } from '../world/engine.ts';
import { openWithAdapter } from '../world/model.ts';

/** Folds adapters into the base weights and writes a folder in the base's own layout. */
export async function merge(args: Arguments, output: Output): Promise<void> {
  const [adapter, out] = [required(args, 'adapter'), required(args, 'out')];
  await openEagerBackend(args, output);
  const opened = await openWithAdapter(args, adapter, undefined, output);
  const { model, backbone, labels } = opened;
  const [height, width] = backbone.model.imageSize;
  const probe = tf.tensor(drawNormal(fold(key(args.seed), 'probe'), 2 * height * width * 3), [2, height, width, 3]);
  const before = await read(model.call(probe));
  model.merge();
  const after = await read(model.call(probe));
  const maxAbsDiff = largestDifference(before, after);
  const weights = await exportBackbone(backbone.model, backbone.layout ?? 'timm');
  const config = {
    architecture: backbone.name,
    num_classes: backbone.model.classes,
    num_features: backbone.model.featureCount,
    ...(labels && { label_names: labels }),
    pretrained_cfg: {
      input_size: opened.preprocessing.inputSize,
      interpolation: opened.preprocessing.interpolation,
      crop_pct: opened.preprocessing.cropPct,
      crop_mode: opened.preprocessing.cropMode,
      mean: opened.preprocessing.mean,
      std: opened.preprocessing.std,
      num_classes: backbone.model.classes,
    },
  };
  await writeFolderAtomic(out, {
    'model.safetensors': serializeSafetensors(weights, { format: 'pt' }),
    'config.json': `${JSON.stringify(config, null, 2)}\n`,
  });
  output.answer(`Merged into ${out}; largest logit difference on a probe batch ${maxAbsDiff.toExponential(2)}`, {
    maxAbsDiff,
    out,
  });
}

async function read(tensor: tf.Tensor): Promise<Float32Array> {
  const values = Float32Array.from(await tensor.data());
  tensor.dispose();
  return values;
}
