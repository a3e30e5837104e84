import { targetSize } from '../check-preprocessing.ts';
import { imagenet, type Normalisation, normaliser, type Preprocessing, type Transform } from '../preprocessing.ts';
import { resize } from '../resample.ts';

/**
 * The VTAB-1K protocol: resize to exactly the input size, bicubic, no crop, no flip.
 *
 * @param normalise `'imagenet'` as in FacT, Convpass and NOAH, whatever the backbone was trained with; `false` leaves
 * values in 0..1, as in Lily and the binary adapters; `true` takes the backbone's own mean and std.
 */
export function vtabTransform(preprocessing: Preprocessing, normalise: boolean | 'imagenet' = 'imagenet'): Transform {
  const { height, width } = targetSize(preprocessing);
  const none: Normalisation = { mean: [0, 0, 0], std: [1, 1, 1] };
  const toFloats = normaliser(normalise === 'imagenet' ? imagenet : normalise ? preprocessing : none);
  return { height, width, apply: picture => toFloats(resize(picture, width, height, 'bicubic')) };
}
