import type { RecipeOptions } from '@peft/run';

/**
 * How pictures are normalized, in which the published code differs. `raw` leaves them in 0..1, as Lily and the binary adapters do;
 * `normalized` uses the mean and deviation of ImageNet, as FacT, Convpass, RepAdapter and NOAH do. The choice moves averages by more
 * than many methods differ.
 */
export type Protocol = 'raw' | 'normalized';

export const protocolNames: readonly Protocol[] = ['raw', 'normalized'];

/** Epochs between two looks at the test set, of which the papers' code reports the best. */
export const evaluateEvery = 10;

/**
 * The recipe that the papers' code trains each task with: the preset `vtab1k` (AdamW, 100 epochs, batches of 64, timm 0.4.12's cosine
 * schedule, drop path 0.1, pictures resized without a crop) on the 1,000 pictures of `train800val200`.
 *
 * @param given fields that a user sets, which win
 */
export function vtabRecipe(protocol: Protocol, given: RecipeOptions): RecipeOptions {
  const normalize = protocol === 'raw' ? false : 'imagenet';
  return { preset: 'vtab1k', split: 'train800val200', evalSplit: 'test', normalize, ...given };
}
