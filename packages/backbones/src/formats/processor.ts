import { check, PeftError, type Preprocessing, quote } from '@peft/core';
import * as v from 'valibot';
import { imagenet, inception } from '../preprocessing.ts';
import { count, flag, mean, object, parse, side, std, text, within } from './schema.ts';

/** PIL's numbers. */
export const interpolations = ['nearest', 'lanczos', 'bilinear', 'bicubic', 'box'] as const;

const file = 'preprocessor_config.json';

const extent = 'a size, { height, width } or { shortest_edge }';
const sides = v.union([side, v.object({ height: side, width: side }), v.object({ shortest_edge: side })], extent);

type Sides = v.InferOutput<typeof sides>;

const fields = object({
  image_processor_type: v.nullish(text),
  do_resize: v.nullish(v.literal(true, 'true, which alone is supported')),
  do_rescale: v.nullish(v.literal(true, 'true, which alone is supported')),
  do_normalize: v.nullish(flag, true),
  do_center_crop: v.nullish(flag),
  do_pad: v.nullish(v.literal(false, 'false: padding is not supported')),
  size: v.nullish(sides),
  crop_size: v.nullish(sides),
  resample: v.nullish(count(0, interpolations.length - 1)),
  rescale_factor: v.nullish(within(0, 1), 1 / 255),
  image_mean: v.nullish(mean),
  image_std: v.nullish(std),
});

/** The model types that image processors were made for. */
const made: readonly (readonly [prefix: string, type: string])[] = [
  ['ViT', 'vit'],
  ['DeiT', 'deit'],
  ['Bit', 'dinov2'],
];

/** The defaults of transformers' image processors for ViT and Swin, DeiT, and DINOv2. */
function usual(processor: string, model: string) {
  const type = made.find(([prefix]) => processor.startsWith(prefix))?.[1] ?? model;
  const isCropped = type === 'deit' || type === 'dinov2';
  const { mean, std } = isCropped ? imagenet : inception;
  const size: Sides = type === 'dinov2' ? { shortest_edge: 256 } : type === 'deit' ? 256 : 224;
  return { isCropped, size, crop: 224, resample: isCropped ? 3 : 2, mean, std };
}

/** Height where both sides are given; pictures are square everywhere but in the model itself. */
const sideOf = (sides: Sides): number => {
  if (typeof sides === 'number') return sides;
  return 'shortest_edge' in sides ? sides.shortest_edge : sides.height;
};

const isSquare = (sides: Sides): boolean => typeof sides === 'number' || !('shortest_edge' in sides);

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
  const known = parse(fields, json ?? {}, file);
  const otherwise = usual(known.image_processor_type ?? '', type);
  const isRescaled = Math.abs(known.rescale_factor * 255 - 1) < 1e-6;
  if (!isRescaled) {
    throw new PeftError('not-supported', `${file}: rescale_factor ${quote(known.rescale_factor)} is not supported.`);
  }
  const size = known.size ?? otherwise.size;
  const crop = (known.do_center_crop ?? otherwise.isCropped) ? sideOf(known.crop_size ?? otherwise.crop) : sideOf(size);
  const share = fraction(crop, sideOf(size));
  if (!(share >= 0.1 && share <= 2)) {
    throw new PeftError(
      'bad-config',
      `${file}: a crop of ${crop} from ${sideOf(size)} pixels keeps ${quote(share)} of a side; 0.1 to 2 is supported.`,
    );
  }
  const resample = known.resample ?? otherwise.resample;
  const interpolation = interpolations[resample];
  check(interpolation, 'bad-config', () => `${file}: resample ${resample} is not one of PIL's numbers.`);
  return {
    inputSize: [3, ...imageSize],
    interpolation,
    cropPct: share,
    cropMode: isSquare(size) ? 'squash' : 'center',
    mean: known.do_normalize ? (known.image_mean ?? otherwise.mean) : [0, 0, 0],
    std: known.do_normalize ? (known.image_std ?? otherwise.std) : [1, 1, 1],
  };
}
