import type { Transform, TransformRecipe } from '../transform.ts';
import { evalTransform } from './eval.ts';
import { flipCropTransform } from './flip-crop.ts';

/** The transform of a recipe, the same in every thread. */
export const transformOf = (recipe: TransformRecipe): Transform =>
  recipe.kind === 'eval' ? evalTransform(recipe.preprocessing) : flipCropTransform(recipe.preprocessing, recipe.random);
