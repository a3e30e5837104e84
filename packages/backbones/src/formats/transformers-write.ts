import { check, type JsonObject, type Preprocessing, quote } from '@peft/core';
import type { FileNaming } from '../weights/naming.ts';
import { interpolations } from './processor.ts';
import type { SavedModel } from './saved-model.ts';

/** The class of transformers with our head, and what its body is called in files. */
const classifiers: Readonly<Record<string, { readonly architecture: string; readonly prefix: string }>> = {
  vit: { architecture: 'ViTForImageClassification', prefix: 'vit.' },
  deit: { architecture: 'DeiTForImageClassificationWithTeacher', prefix: 'deit.' },
  swin: { architecture: 'SwinForImageClassification', prefix: 'swin.' },
};

function classifierOf(type: unknown): { readonly architecture: string; readonly prefix: string } {
  const classifier = classifiers[String(type)];
  check(classifier, 'not-supported', () => `transformers has no class for model_type ${quote(type)} with our head.`);
  return classifier;
}

/** Whether transformers has a class that computes what the model does: it has none for our head on DINOv2. */
export const hasClass = (config: JsonObject, { model }: SavedModel): boolean =>
  model.classes === 0 || Object.hasOwn(classifiers, String(config.model_type));

/** The layout of the weights: the names of the file that they came from, of the class that has a head. */
export function transformersLayout(
  config: JsonObject,
  { model }: SavedModel,
  found: FileNaming | undefined,
): FileNaming {
  const type = String(config.model_type);
  const isNew = found?.id.endsWith('-5.9') ?? false;
  const family = type === 'dinov2' ? 'hf-dinov2' : type === 'deit' && model.classes > 0 ? 'hf-distilled' : 'hf';
  const prefix = model.classes > 0 ? classifierOf(type).prefix : (found?.prefix ?? '');
  return { id: isNew ? `${family}-5.9` : family, prefix };
}

const asSize = ([height, width]: readonly [number, number]) => (height === width ? height : [height, width]);

/** transformers' `config.json` of a model: that which it came from, with the head and the picture size that it has now. */
export function writeTransformers(before: JsonObject, { model, labels }: SavedModel): JsonObject {
  const { num_labels, _num_labels, id2label, label2id, ...rest } = before;
  const config = { ...rest, image_size: asSize(model.imageSize) };
  if (model.classes === 0) return config;
  const names = labels ?? Array.from({ length: model.classes }, (_, i) => `LABEL_${i}`);
  return {
    ...config,
    architectures: [classifierOf(before.model_type).architecture],
    id2label: Object.fromEntries(names.map((name, i) => [String(i), name])),
    label2id: Object.fromEntries(names.map((name, i) => [name, i])),
  };
}

/**
 * transformers' `preprocessor_config.json`: the fields of the one before, with what is done to pictures now.
 *
 * @throws PeftError `not-supported` for what no image processor does
 */
export function writeProcessor(
  before: JsonObject | undefined,
  { inputSize: [, height, width], interpolation, cropPct, cropMode, mean, std }: Preprocessing,
): JsonObject {
  check(
    cropMode !== 'border',
    'not-supported',
    () => 'transformers has no preprocessing with cropMode "border"; use "center" or "squash".',
  );
  const [tall, wide] = [Math.floor(height / cropPct), Math.floor(width / cropPct)];
  return {
    image_processor_type: 'ViTImageProcessor',
    ...before,
    do_resize: true,
    size: cropMode === 'squash' ? { height: tall, width: wide } : { shortest_edge: Math.min(tall, wide) },
    resample: interpolations.indexOf(interpolation),
    do_center_crop: cropMode === 'center' || tall !== height,
    crop_size: { height, width },
    do_rescale: true,
    rescale_factor: 1 / 255,
    do_normalize: true,
    image_mean: [...mean],
    image_std: [...std],
  };
}
