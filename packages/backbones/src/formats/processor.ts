import { PeftError } from '@peft/core';
import { imagenet, inception, type Preprocessing } from '../preprocessing.ts';
import { Fields } from './fields.ts';

/** PIL's numbers. */
const interpolations = ['nearest', 'lanczos', 'bilinear', 'bicubic', 'box'] as const;

/** What transformers' image processors do when nothing is said: of ViT and Swin, of DeiT, of DINOv2. */
const usual = (type: string): Record<string, unknown> => {
  const vit = { size: { height: 224, width: 224 }, resample: 2, image_mean: inception.mean, image_std: inception.std };
  const cropped = {
    do_center_crop: true,
    crop_size: 224,
    resample: 3,
    image_mean: imagenet.mean,
    image_std: imagenet.std,
  };
  if (type === 'deit') return { ...cropped, size: { height: 256, width: 256 } };
  return type === 'dinov2' ? { ...cropped, size: { shortest_edge: 256 } } : vit;
};

const side = (fields: Fields, name: string): { side: number; square: boolean } => {
  const value = fields.values[name];
  if (typeof value === 'number') return { side: value, square: true };
  const size = fields.child(name);
  return size.has('shortest_edge')
    ? { side: size.number('shortest_edge'), square: false }
    : { side: size.number('height'), square: true };
};

/** A crop of `size` from `resized`, as the fraction whose quotient rounds down to `resized` again. */
const fraction = (size: number, resized: number): number =>
  Math.floor(size / (size / resized)) === resized ? size / resized : size / (resized + 0.5);

/**
 * Reads `preprocessor_config.json`. Where it crops to another size than the model's, the model's is kept, and the crop's
 * share of the picture.
 */
export function describeProcessor(
  json: unknown,
  type: string,
  imageSize: readonly [height: number, width: number],
): Preprocessing {
  const fields = new Fields(
    { ...usual(type), ...(json ? new Fields(json, 'preprocessor_config.json').values : {}) },
    'preprocessor_config.json',
  );
  fields.only('do_resize', true);
  fields.only('do_rescale', true);
  const factor = fields.number('rescale_factor', 1 / 255);
  const interpolation = interpolations[fields.number('resample')];
  if (Math.abs(factor * 255 - 1) > 1e-6 || !interpolation) {
    const what = interpolation ? `rescale_factor ${factor}` : `resample ${fields.values.resample}`;
    throw new PeftError('not-supported', `${fields.source}: ${what} is not supported.`);
  }
  const resized = side(fields, 'size');
  const crop = fields.boolean('do_center_crop', false) ? side(fields, 'crop_size').side : resized.side;
  const normalised = fields.boolean('do_normalize', true);
  return {
    inputSize: [3, ...imageSize],
    interpolation,
    cropPct: fraction(crop, resized.side),
    cropMode: resized.square ? 'squash' : 'center',
    mean: normalised ? fields.channels('image_mean') : [0, 0, 0],
    std: normalised ? fields.channels('image_std') : [1, 1, 1],
  };
}
