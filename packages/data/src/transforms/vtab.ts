import { targetSize } from '../check-preprocessing.ts';
import { imagenet, type Normalization, normalizer, type Preprocessing, type Transform } from '../preprocessing.ts';
import { resize } from '../resample.ts';

/**
 * The VTAB-1K protocol: resize to exactly the input size, bicubic, no crop, no flip.
 *
 * @param normalize `'imagenet'` as in FacT, Convpass and NOAH, whatever the backbone was trained with; `false` leaves
 * values in 0..1, as in Lily and the binary adapters; `true` takes the backbone's own mean and std.
 */
export function vtabTransform(preprocessing: Preprocessing, normalize: boolean | 'imagenet' = 'imagenet'): Transform {
  const { height, width } = targetSize(preprocessing);
  const none: Normalization = { mean: [0, 0, 0], std: [1, 1, 1] };
  const toFloats = normalizer(normalize === 'imagenet' ? imagenet : normalize ? preprocessing : none);
  return { height, width, apply: picture => toFloats(resize(picture, width, height, 'bicubic')) };
}
