import { readdir } from 'node:fs/promises';
import { check, PeftError } from '@peft/core';
import { type RecipeOptions, type RunRecord, resolveRecipe } from '@peft/run';
import { folderStore } from '@peft/run/node';
import { differencesOf, plain } from '@peft/train';

async function namesIn(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).filter(name => !name.startsWith('.'));
  } catch {
    return []; // nothing is there, or the run that claims it says why it cannot be used
  }
}

/** Whether a record is of a recipe. A backbone that was not named is that of the adapter to start from. */
function isOf({ recipe }: RunRecord, options: RecipeOptions): boolean {
  const asked = resolveRecipe({ ...options, backbone: options.backbone ?? recipe.backbone });
  return differencesOf(plain(recipe), plain(asked)).length === 0;
}

/**
 * Checks that a run may write to a folder: it is empty, or holds a run of the same recipe, which ends the same.
 *
 * @throws PeftError `bad-argument` where something else would be replaced
 */
export async function checkPlace(folder: string, recipe: RecipeOptions): Promise<void> {
  const names = await namesIn(folder);
  if (names.length === 0) return;
  const record = await folderStore(folder).readRecord();
  if (record) {
    check(isOf(record, recipe), 'bad-argument', () => {
      return `${folder} holds the run of another recipe (${record.recipe.method} on ${record.recipe.data}). Name another folder with --out, or replace that run with --overwrite.`;
    });
    return;
  }
  if (names.some(name => name.startsWith('checkpoint'))) {
    throw new PeftError(
      'bad-argument',
      `${folder} holds the checkpoint of a run that has not ended. Go on with --resume, or start anew with --overwrite.`,
    );
  }
  throw new PeftError(
    'bad-argument',
    `${folder} holds other files, ${names[0]} among them. Name a new folder with --out, or write beside them with --overwrite.`,
  );
}
