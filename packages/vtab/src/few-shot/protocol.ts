import type { RecipeOptions } from '@peft/run';

/** Pictures of each class that are trained on. */
export const shotCounts: readonly number[] = [1, 2, 4, 8, 16];

/** The runs of each count: seeds 0, 1 and 2. */
export const fewShotSeeds = 3;

/**
 * The recipe of a few-shot run: the preset `few-shot`, after NOAH's LoRA (AdamW at 5e-3, 100 epochs, batches of 64). The seed of the
 * run also chooses the pictures: NOAH's list of that seed where there is one, else a draw.
 *
 * @param given fields that a user sets, which win
 */
export const fewShotRecipe = (shots: number, seed: number, given: RecipeOptions): RecipeOptions => ({
  preset: 'few-shot',
  ...given,
  shots,
  seed,
  splitSeed: seed,
});
