import { fold, type Key, type Preprocessing } from '@peft/core';
import { drawUniform } from '@peft/core/engine';
import { targetSize } from '../check-preprocessing.ts';
import { type Box, crop, flipHorizontal, type Picture, pad, roundHalfEven } from '../picture.ts';
import { resizePart } from '../resample.ts';
import { normalizer, type Transform } from '../transform.ts';

const scale = { low: 0.08, high: 1 };
const ratio = { low: 3 / 4, high: 4 / 3 };
const attempts = 10;

const between = ({ low, high }: { low: number; high: number }, u: number): number => low + (high - low) * u;
const whole = (u: number, count: number): number => Math.floor(u * count);

/**
 * A box of random area and aspect (Szegedy et al. 2015, section 6), as torchvision's `RandomResizedCrop` takes it: ten
 * tries, then the largest centred box of an allowed aspect.
 *
 * @param draws 40 numbers in [0, 1): area, aspect, top and left of each try
 */
export function randomResizedBox(width: number, height: number, draws: Float32Array): Box {
  const logRatio = { low: Math.log(ratio.low), high: Math.log(ratio.high) };
  for (let i = 0; i < attempts; i++) {
    const area = width * height * between(scale, draws[i * 4]!);
    const aspect = Math.exp(between(logRatio, draws[i * 4 + 1]!));
    const w = roundHalfEven(Math.sqrt(area * aspect));
    const h = roundHalfEven(Math.sqrt(area / aspect));
    if (w > 0 && w <= width && h > 0 && h <= height) {
      const top = whole(draws[i * 4 + 2]!, height - h + 1);
      return { left: whole(draws[i * 4 + 3]!, width - w + 1), top, width: w, height: h };
    }
  }
  const aspect = width / height;
  const h = aspect < ratio.low ? roundHalfEven(width / ratio.low) : height;
  const w = aspect > ratio.high ? roundHalfEven(height * ratio.high) : width;
  return { left: (width - w) >> 1, top: (height - h) >> 1, width: w, height: h };
}

/** Pads by four pixels and takes a random box of the original size (He et al. 2015, section 4.2). */
function shiftedByFour(picture: Picture, draws: Float32Array): Picture {
  const padded = pad(picture, { left: 4, top: 4, right: 4, bottom: 4 });
  return crop(padded, whole(draws[0]!, 9), whole(draws[1]!, 9), picture.width, picture.height);
}

/** Up to this side a picture is treated as in CIFAR. */
const smallSide = 40;

/**
 * The usual training augmentation: a random resized crop (area 8% to 100%, aspect 3/4 to 4/3, bicubic) and a flip half of
 * the time. Pictures of up to 40 pixels a side are shifted by up to four pixels instead of cropped, as is done for CIFAR.
 *
 * @param random the key of the epoch, for example `fold(fold(key(seed), 'augment'), epoch)`; a picture's draw depends
 * on it and on the picture's index, and on nothing else.
 */
export function flipCropTransform(preprocessing: Preprocessing, random: Key): Transform {
  const { height, width } = targetSize(preprocessing);
  const normalize = normalizer(preprocessing);

  const resized = (picture: Picture, draws: Float32Array): Picture => {
    const isSmall = Math.max(picture.width, picture.height) <= smallSide;
    const source = isSmall ? shiftedByFour(picture, draws) : picture;
    const from = isSmall ? undefined : randomResizedBox(picture.width, picture.height, draws);
    return resizePart(source, { width, height }, 'bicubic', { from });
  };

  return {
    height,
    width,
    recipe: { kind: 'flip-crop', preprocessing, random },
    apply(picture, index) {
      const draws = drawUniform(fold(random, index), attempts * 4 + 1);
      const result = resized(picture, draws);
      return normalize(draws[attempts * 4]! < 0.5 ? flipHorizontal(result) : result);
    },
  };
}
