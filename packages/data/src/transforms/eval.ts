import type { Preprocessing } from '@peft/core';
import { targetSize } from '../check-preprocessing.ts';
import { type Color, centerCrop, type Picture, roundHalfEven } from '../picture.ts';
import { resize } from '../resample.ts';
import { normalizer, type Transform } from '../transform.ts';

interface Size {
  readonly height: number;
  readonly width: number;
}

/** Resizes so that the shorter side is `side` (torchvision's `Resize(int)`). */
function resizeShorter(picture: Picture, side: number, interpolation: Preprocessing['interpolation']): Picture {
  const { width, height } = picture;
  return width <= height
    ? resize(picture, side, Math.trunc((side * height) / width), interpolation)
    : resize(picture, Math.trunc((side * width) / height), side, interpolation);
}

/** Resizes by one ratio so that the picture covers (`cover`) or fits into (`fit`) the target. */
function resizeKeepingRatio(
  picture: Picture,
  target: Size,
  mode: 'cover' | 'fit',
  interpolation: Preprocessing['interpolation'],
): Picture {
  const ratios = [picture.height / target.height, picture.width / target.width];
  const ratio = mode === 'fit' ? Math.max(...ratios) : Math.min(...ratios);
  const scaled = (side: number): number => Math.max(1, roundHalfEven(side / ratio));
  return resize(picture, scaled(picture.width), scaled(picture.height), interpolation);
}

function cropped(picture: Picture, preprocessing: Preprocessing, size: Size, scaled: Size): Picture {
  const { interpolation, cropMode, mean } = preprocessing;
  if (cropMode === 'squash') {
    return centerCrop(resize(picture, scaled.width, scaled.height, interpolation), size.width, size.height);
  }
  if (cropMode === 'border') {
    const color: Color = [roundHalfEven(255 * mean[0]), roundHalfEven(255 * mean[1]), roundHalfEven(255 * mean[2])];
    const fitted = resizeKeepingRatio(picture, scaled, 'fit', interpolation);
    return centerCrop(fitted, size.width, size.height, color);
  }
  // timm does not pass the interpolation on for targets that are not square, and so they are bilinear.
  const covering =
    scaled.width === scaled.height
      ? resizeShorter(picture, scaled.width, interpolation)
      : resizeKeepingRatio(picture, scaled, 'cover', 'bilinear');
  return centerCrop(covering, size.width, size.height);
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
  return { ...size, apply: picture => normalize(cropped(picture, preprocessing, size, scaled)) };
}
