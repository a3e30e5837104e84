import type { JsonObject } from '@peft/core';
import { type ConfigOf, configure, option, value } from '@peft/core/method';
import { defaultSplitSeed } from '@peft/data';
import { type MethodEntry, methodEntry, methodRegistry } from './methods.ts';
import { type Preset, presets, scheduleNames } from './presets.ts';

/*
 * A recipe is plain JSON. Each of its fields is described once: types, defaults, checks, help, JSON Schemas and forms follow.
 */

const count = value.integer({ min: 1 });
const rate = value.number({ min: 0, below: 1 });
const seed = value.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
const names = value.either(value.string(), value.list(value.string()));

/** The names of model and data. Hashes in the record identify what the names stood for. */
const inputs = {
  backbone: option(
    'A name of the zoo, a folder in the layout of timm or transformers, or hf:owner/name[@revision].',
    value.string(),
  ),
  weights: option('A safetensors file for a name of the zoo.', value.string()),
  imageSize: option("Height and width of the model's pictures, instead of the backbone's own.", count),
  data: option('An image folder, a VTAB-1K folder, a .safetensors file, or mnist.', value.string()),
  split: option('The split that is trained on.', value.string(), 'train'),
  evalSplit: option('The split that accuracy is measured on.', value.string(), 'test'),
  splitSeed: option('What drawn splits depend on, where they are not stored.', seed, defaultSplitSeed),
  valFraction: option(
    'The part of each class of train that val takes, where val is not stored.',
    value.number({ above: 0, below: 1 }),
  ),
  shots: option(
    'So many pictures of each class are trained on: those of a few-shot list that is stored, or drawn by splitSeed.',
    count,
  ),
  skipBroken: option('Whether pictures that cannot be decoded are left out.', value.boolean(), false),
  maxPixels: option('Pictures of more pixels are refused.', count),
  initAdapter: option('The adapter folder that training starts from.', value.string()),
};

/** What is measured between epochs. The record has the hash of pictures that choose the best. */
const validation = {
  valSplit: option('The split that accuracy is measured on after each epoch.', value.string()),
  keepBest: option(
    'Whether the adapter of the epoch that is best on the validation pictures is kept, instead of the last.',
    value.boolean(),
    false,
  ),
};

/** What adapts the backbone. */
const adapters = {
  method: option('How to adapt.', value.string(), 'lora'),
  set: option('Options of the method.', value.table(value.json()), {}),
  targets: option('What to adapt: names, one regular expression, or slices such as attn.qkv[q,v].', names),
  stack: option(
    'Further adapters beside the first, by name.',
    value.table(value.object({ method: value.string(), set: value.table(value.json()), targets: names })),
    {},
  ),
};

/** What determines the numbers of a run, besides model and data. */
const training = {
  epochs: option('Passes over the pictures.', count, 10),
  steps: option('Optimizer steps, instead of epochs.', count),
  batch: option('Pictures in a batch.', count, 32),
  accumulate: option('Batches a step.', count, 1),
  lr: option('Learning rate; what suits the method, unless given.', value.number({ above: 0 })),
  weightDecay: option('Decoupled weight decay.', value.number({ min: 0 }), 1e-4),
  schedule: option('Learning rate schedule.', value.choice(scheduleNames), 'cosine'),
  warmup: option('Steps of linear warm-up.', value.integer({ min: 0 }), 0),
  dropPath: option('Stochastic depth at the last block.', rate, 0),
  smoothing: option('Label smoothing.', rate, 0),
  clip: option('The gradient is clipped to this Euclidean norm.', value.number({ above: 0 })),
  augment: option('Augmentation.', value.choice(['none', 'vtab', 'flip-crop']), 'none'),
  normalize: option(
    "Whether pictures are normalized by the backbone's own mean and deviation; `imagenet`: by ImageNet's.",
    value.either(value.boolean(), value.choice(['imagenet'])),
    true,
  ),
  shuffle: option('Whether the pictures come in a new order each epoch.', value.boolean(), true),
  seed: option('Every random number: initialization, order, drop path, augmentation.', seed, defaultSplitSeed),
  frozenDtype: option(
    'How weights that are not trained are kept: `int8` and `int4` also multiply integers; `f16` is for ONNX Runtime.',
    value.choice(['f32', 'f16', 'int8', 'int4']),
    'f32',
  ),
};

/** What changes only memory and time. */
const practice = {
  checkpointEvery: option('A checkpoint is saved after so many steps.', count),
  checkpointing: option(
    'Whether only the input of each block is kept, and the block run again backwards: less memory, more time.',
    value.boolean(),
    false,
  ),
  cacheFeatures: option(
    'What lies below all adapters is computed once for each picture, within so many GB of memory.',
    value.number({ above: 0 }),
  ),
};

const preset = {
  preset: option(
    'A recipe of the papers, under what is given.',
    value.choice(Object.keys(presets) as (keyof typeof presets)[]),
  ),
};

/** Every field of a recipe, described. */
export const recipeOptions = { ...inputs, ...validation, ...adapters, ...preset, ...training, ...practice };

type Config = ConfigOf<typeof recipeOptions>;

/** A whole recipe: plain JSON with every default written out. */
export interface Recipe extends Config {
  readonly lr: number;
}

/** A recipe as users write it: fields that differ from the defaults. */
export type RecipeOptions = Partial<Config>;

/** Values of other types are left as they are: `configure` refuses them. */
const presetOf = ({ preset }: RecipeOptions): Preset =>
  preset !== undefined && Object.hasOwn(presets, preset) ? presets[preset] : { recipe: {} };

/**
 * Completes a recipe from its preset, then from its method's defaults, then from the defaults of the fields. A whole recipe stays
 * as it is.
 *
 * @throws PeftError `bad-argument` that lists every wrong field, with the closest name and the allowed values
 */
export function resolveRecipe(
  options: RecipeOptions,
  registry: Readonly<Record<string, MethodEntry>> = methodRegistry,
): Recipe {
  const { recipe, lora = {} } = presetOf(options);
  const given = Object.fromEntries(Object.entries(options).filter(([, found]) => found !== undefined));
  const config = configure('recipe', recipeOptions, { ...recipe, ...given }, { code: 'bad-argument' });
  const { lr } = methodEntry(config.method, registry);
  const isNewLora = config.method === 'lora' && config.initAdapter === undefined;
  const set = isNewLora ? { ...lora, ...config.set } : config.set;
  return { ...config, set, lr: config.lr ?? lr };
}

/** The fields that determine numbers. Epochs are left out if steps are given. */
export function numbersOf(recipe: Recipe): JsonObject {
  const fields = Object.keys(training).filter(name => name !== 'epochs' || recipe.steps === undefined);
  const entries = Object.entries(recipe).filter(([name, found]) => fields.includes(name) && found !== undefined);
  return Object.fromEntries(entries) as JsonObject;
}
