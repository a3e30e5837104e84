import { PeftError } from '@peft/core';
import { undecodable } from './refused.ts';

/** The default limit of pixels in a picture, which is Pillow's: 268 MB of RGB. */
export const defaultMaxPixels = 89_478_485;

/** The limit of classes in a dataset; the largest public ones have some 200,000. */
export const maxClasses = 262_144;

export function checkMaxPixels(maxPixels: number): void {
  if (Number.isInteger(maxPixels) && maxPixels > 0) return;
  throw new PeftError('bad-argument', `maxPixels is ${maxPixels}; it must be an integer above zero.`);
}

/** Throws unless a picture has a size, and no more than `maxPixels`: called before its pixels are decoded. */
export function checkPixels(width: number, height: number, maxPixels: number): void {
  if (!(width > 0 && height > 0)) throw undecodable(`its size is ${width}x${height}`);
  if (width * height > maxPixels) {
    throw undecodable(
      `it has ${width}x${height} pixels, more than the limit of ${maxPixels}`,
      'Shrink the picture, or raise maxPixels',
    );
  }
}
