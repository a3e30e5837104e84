import { type OpenedBackbone, openBackbone } from '@peft/backbones/node';
import {
  type AdapterFolder,
  check,
  disposeModule,
  type Engine,
  isQuantizedDtype,
  type Preprocessing,
} from '@peft/core';
import { openAdapterFolder } from '@peft/core/node';
import { type Dataset, remarks } from '@peft/data';
import { openDataset } from '@peft/data/node';
import { factoriesOf, methodRegistry, type Registry } from '../methods.ts';
import { headClasses } from '../model.ts';
import type { RunInputs } from '../options.ts';
import { type Recipe, type RecipeOptions, recipeOptions, resolveRecipe } from '../recipe.ts';
import type { Watch } from '../watch.ts';
import { type EngineOptions, openEngine } from './engine.ts';

/** Takes what is to be told to a person. */
export type Notice = (text: string) => void;

const pictureFields = [
  'data',
  'split',
  'evalSplit',
  'valSplit',
  'splitSeed',
  'valFraction',
  'shots',
  'skipBroken',
  'maxPixels',
] as const;

/** The fields of a recipe that say which pictures it has. */
export type PicturesOf = Pick<RecipeOptions, (typeof pictureFields)[number]>;

/** A text that recipes share if they name the same pictures. */
export const picturesKey = (recipe: PicturesOf): string => JSON.stringify(pictureFields.map(field => recipe[field]));

/** Opens a split, and reports the files that are left out. `shots` is about the split that the recipe trains on. */
export async function openPictures(
  recipe: PicturesOf,
  split: string,
  { minClasses = 2, notice = () => {} }: { minClasses?: number; notice?: Notice } = {},
): Promise<Dataset> {
  const { data, valFraction, skipBroken, maxPixels } = recipe;
  check(data !== undefined, 'bad-argument', () => 'recipe: data is missing; name the pictures.');
  const seed = recipe.splitSeed ?? recipeOptions.splitSeed.default;
  const isTrained = split === (recipe.split ?? recipeOptions.split.default);
  const shots = isTrained ? recipe.shots : undefined;
  const dataset = await openDataset(data, split, { seed, valFraction, shots, skipBroken, maxPixels, minClasses });
  for (const remark of remarks(dataset)) notice(`${dataset.name}: ${remark}`);
  return dataset;
}

export interface BackboneUse {
  /** The dataset; if it is preprocessed, its size is the model's. */
  readonly dataset?: Dataset;
  /** The adapter that goes on the backbone. */
  readonly adapter?: AdapterFolder;
  /** Outputs of the head, if they differ from the file's. */
  readonly classes?: number;
  readonly notice?: Notice;
}

/** The model's picture size: that of preprocessed data, else the recipe's, else the one that the adapter was trained at. */
function imageSizeOf(imageSize: number | undefined, { dataset, adapter }: BackboneUse) {
  if (dataset?.preprocessed) return [dataset.height, dataset.width] as const;
  if (imageSize) return [imageSize, imageSize] as const;
  const trained = adapter?.card.preprocessing as Preprocessing | undefined;
  return trained && ([trained.inputSize[1], trained.inputSize[2]] as const);
}

/** The fields of a recipe that say what the backbone is. */
type BackboneOf = Pick<RecipeOptions, 'backbone' | 'weights' | 'seed' | 'imageSize' | 'frozenDtype'>;

/** What is said of an adapter that was trained on weights kept in another way. */
const otherDtype = ({ source, card }: AdapterFolder, { frozenDtype }: OpenedBackbone): string =>
  `${source} was trained with the backbone's linear weights in ${card.frozenDtype ?? 'float32'}; here they are in ${frozenDtype ?? 'float32'}, so that predictions differ a little.`;

/** Opens a backbone with the picture size and the head of its use. */
export async function openBackboneFor(
  { backbone: name, weights, seed, imageSize, frozenDtype: asked }: BackboneOf,
  use: BackboneUse = {},
): Promise<OpenedBackbone> {
  check(name !== undefined, 'bad-argument', () => 'recipe: backbone is missing; name one.');
  const { adapter, notice = () => {} } = use;
  const trained = adapter?.card.frozenDtype;
  const frozenDtype = asked ?? trained ?? 'f32';
  const backbone = await openBackbone(name, {
    weights,
    classes: use.classes ?? (adapter && headClasses(adapter)),
    seed,
    ...(isQuantizedDtype(frozenDtype) && { frozenDtype }),
    imageSize: imageSizeOf(imageSize, use),
    onNotice: notice,
  });
  const [height, width] = backbone.model.imageSize;
  const random = backbone.weights === undefined ? ', random weights' : '';
  const kept = backbone.frozenDtype ? `, linear weights in ${backbone.frozenDtype}` : '';
  if (adapter && backbone.frozenDtype !== trained) notice(otherDtype(adapter, backbone));
  notice(`Backbone: ${backbone.name}, ${height}x${width} px, ${backbone.model.classes} classes${random}${kept}`);
  return backbone;
}

/** What a recipe names, opened. */
export interface OpenedInputs extends RunInputs {
  readonly backbone: OpenedBackbone;
  readonly engine: Engine;
  /** The methods that the recipe was read with. */
  readonly methods: Registry;
  /** The validation pictures, if the recipe names their split. */
  readonly watch?: Watch;
  /** Closes files and frees memory. */
  close(): Promise<void>;
}

export interface OpenOptions extends Omit<EngineOptions, 'frozenDtype'> {
  /** Called with lines that say what was opened, and what was left out of the data. */
  readonly notice?: Notice;
  /** The methods that a recipe can name, and those that an adapter to start from may hold; all of `@peft` unless given. */
  readonly methods?: Registry;
}

/**
 * Opens what a recipe names: its data, its backbone, the adapter it starts from, and an engine.
 *
 * ```ts
 * const recipe = { backbone: 'pico-vit', data: 'mnist', epochs: 1 };
 * const inputs = await openInputs(recipe);
 * for await (const event of run(recipe, inputs)) console.log(event);
 * await inputs.close();
 * ```
 *
 * Downloads a backbone of the Hugging Face Hub unless the cache has it.
 */
export async function openInputs(
  options: RecipeOptions,
  { notice, methods = methodRegistry, ...asked }: OpenOptions = {},
): Promise<OpenedInputs> {
  const recipe: Recipe = resolveRecipe(options, methods);
  const closing: (() => unknown)[] = [];
  const close = async (): Promise<void> => {
    for (const step of closing.splice(0).reverse()) await step();
  };
  try {
    const train = await openPictures(recipe, recipe.split, { notice });
    closing.push(() => train.close?.());
    const test = await openPictures(recipe, recipe.evalSplit, { notice });
    closing.push(() => test.close?.());
    const { valSplit } = recipe;
    const validation = valSplit === undefined ? undefined : await openPictures(recipe, valSplit, { notice });
    closing.push(() => validation?.close?.());
    const engine = await openEngine({ ...asked, frozenDtype: recipe.frozenDtype }, notice);
    closing.push(() => engine.dispose());
    const { initAdapter } = recipe;
    const adapter = initAdapter === undefined ? undefined : await openAdapterFolder(initAdapter, factoriesOf(methods));
    const classes = adapter ? undefined : train.classes.length;
    const backbone = await openBackboneFor(recipe, { dataset: train, adapter, classes, notice });
    closing.push(() => disposeModule(backbone.model));
    const watched = { ...(validation && { watch: { validation } }), ...(adapter && { adapter }) };
    return { train, test, engine, backbone, methods, ...watched, close };
  } catch (error) {
    await close();
    throw error;
  }
}
