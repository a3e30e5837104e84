import type { Preprocessing } from '@peft/core';
import { targetSize } from '../check-preprocessing.ts';
import { type Color, centerBox, centerCrop, type Picture, roundHalfEven, type Size } from '../picture.ts';
import { resizePart } from '../resample.ts';
import { normalizer, type Transform } from '../transform.ts';

/** The size whose shorter side is `side` (torchvision's `Resize(int)`). */
const shorterTo = ({ width, height }: Size, side: number): Size =>
  width <= height
    ? { width: side, height: Math.trunc((side * height) / width) }
    : { width: Math.trunc((side * width) / height), height: side };

/** The size that covers (`cover`) or fits into (`fit`) the target, both sides by one ratio. */
function keepingRatio({ width, height }: Size, target: Size, mode: 'cover' | 'fit'): Size {
  const ratios = [height / target.height, width / target.width];
  const ratio = mode === 'fit' ? Math.max(...ratios) : Math.min(...ratios);
  const scaled = (side: number): number => Math.max(1, roundHalfEven(side / ratio));
  return { width: scaled(width), height: scaled(height) };
}

/** The middle of a picture that is resized to `scaled`, padded where that is smaller. */
function middle(
  picture: Picture,
  scaled: Size,
  interpolation: Preprocessing['interpolation'],
  size: Size,
  color?: Color,
): Picture {
  if (scaled.width < size.width || scaled.height < size.height) {
    return centerCrop(resizePart(picture, scaled, interpolation), size.width, size.height, color);
  }
  return resizePart(picture, scaled, interpolation, { part: centerBox(scaled, size) });
}

function cropped(picture: Picture, preprocessing: Preprocessing, size: Size, scaled: Size): Picture {
  const { interpolation, cropMode, mean } = preprocessing;
  if (cropMode === 'squash') return middle(picture, scaled, interpolation, size);
  if (cropMode === 'border') {
    const color: Color = [roundHalfEven(255 * mean[0]), roundHalfEven(255 * mean[1]), roundHalfEven(255 * mean[2])];
    return middle(picture, keepingRatio(picture, scaled, 'fit'), interpolation, size, color);
  }
  // timm does not pass the interpolation on for targets that are not square, and so they are bilinear.
  return scaled.width === scaled.height
    ? middle(picture, shorterTo(picture, scaled.width), interpolation, size)
    : middle(picture, keepingRatio(picture, scaled, 'cover'), 'bilinear', size);
}

/**
 * The evaluation transform of a pretrained backbone, as timm's `transforms_imagenet_eval`: resize to
 * `floor(size / cropPct)`, crop the center, scale to 0..1, normalize.
 */
export function evalTransform(preprocessing: Preprocessing): Transform {
  const size = targetSize(preprocessing);
  const { cropPct } = preprocessing;
  const scaled = { height: Math.floor(size.height / cropPct), width: Math.floor(size.width / cropPct) };
  const normalize = normalizer(preprocessing);
  return {
    ...size,
    recipe: { kind: 'eval', preprocessing },
    apply: picture => normalize(cropped(picture, preprocessing, size, scaled)),
  };
}
