import type { RecipeOptions } from '@peft/run';

/** A recipe as it travels: in a link, or pasted. */
export interface SharedRecipe {
  readonly backbone?: string;
  readonly recipe: RecipeOptions;
}

const prefix = '#recipe=';

/**
 * Reads a recipe as JSON. What its fields hold is checked where it is counted.
 *
 * @throws Error for what is no object
 */
export function parseRecipe(text: string): SharedRecipe {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new Error(`The recipe is not valid JSON: ${(cause as Error).message}.`, { cause });
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json)) throw new Error('A recipe is a JSON object.');
  const { backbone, ...recipe } = json as { readonly backbone?: unknown } & RecipeOptions;
  return { ...(typeof backbone === 'string' && { backbone }), recipe };
}

/** A link to this page with the recipe in its hash, which no server sees. */
export function linkOf(backbone: string, recipe: RecipeOptions): string {
  const json = JSON.stringify({ backbone, ...recipe });
  return `${location.origin}${location.pathname}${prefix}${encodeURIComponent(json)}`;
}

/** The recipe in a page's hash; nothing where there is none. */
export const recipeInHash = (hash: string): SharedRecipe | undefined =>
  hash.startsWith(prefix) ? parseRecipe(decodeURIComponent(hash.slice(prefix.length))) : undefined;
