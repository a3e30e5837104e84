import { describe, expect, test } from 'vitest';
import { methodRegistry, type RecipeOptions, resolveRecipe } from './index.ts';

describe('a recipe is completed', () => {
  test.each<[string, RecipeOptions, object]>([
    [
      'by defaults',
      {},
      { method: 'lora', epochs: 10, batch: 32, lr: 4e-3, schedule: 'cosine', set: {}, normalize: true },
    ],
    ['by what suits the method', { method: 'neat' }, { lr: methodRegistry.neat.lr }],
    [
      'by a preset',
      { preset: 'vtab1k' },
      { epochs: 100, lr: 1e-3, augment: 'vtab', normalize: false, set: { dropout: 0.1 } },
    ],
    [
      'by a preset under what is given',
      { preset: 'vtab1k', lr: 1, set: { dropout: 0 } },
      { lr: 1, set: { dropout: 0 } },
    ],
    ['by a preset without LoRA', { preset: 'vtab1k', method: 'neat' }, { lr: 1e-3, set: {} }],
    ['but not by undefined', { lr: undefined, seed: undefined }, { lr: 4e-3, seed: 42 }],
  ])('%s', (_, given, expected) => {
    const recipe = resolveRecipe(given);
    expect(recipe).toMatchObject(expected);
    expect(resolveRecipe(recipe)).toEqual(recipe);
  });
});
