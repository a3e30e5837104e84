import type { JsonObject } from '@peft/core';
import { constantRate, cosine, linearDecay, type Schedule, timm0412, warmup } from '@peft/train';
import type { Arguments } from './arguments.ts';

/** How to train: everything that determines the numbers of a run, except its model and its data. */
export interface Recipe {
  epochs: number;
  /** Optimizer steps, in the place of epochs. */
  steps?: number;
  batch: number;
  lr: number;
  weightDecay: number;
  schedule: NonNullable<Arguments['schedule']>;
  /** Steps. */
  warmup: number;
  dropPath: number;
  smoothing: number;
  clip?: number;
  augment: NonNullable<Arguments['augment']>;
  shuffle: boolean;
  accumulate: number;
  seed: number;
  frozenDtype: Arguments['frozenDtype'];
  /** Method options that belong to the recipe. */
  method: JsonObject;
  /** Whether pictures are normalized by the backbone's own mean and deviation. */
  normalize: boolean;
}

const plain: Omit<Recipe, 'lr' | 'seed' | 'frozenDtype' | 'shuffle'> = {
  epochs: 10,
  batch: 32,
  weightDecay: 1e-4,
  schedule: 'cosine',
  warmup: 0,
  dropPath: 0,
  smoothing: 0,
  augment: 'none',
  accumulate: 1,
  method: {},
  normalize: true,
};

/** The recipes of the papers' code; methods.md 1.4 and 4 (i). */
const presets: Record<NonNullable<Arguments['preset']>, Partial<Recipe>> = {
  vtab1k: {
    epochs: 100,
    batch: 64,
    lr: 1e-3,
    schedule: 'timm-0.4.12',
    dropPath: 0.1,
    augment: 'vtab',
    method: { dropout: 0.1 },
    normalize: false,
  },
  'neat-image': { batch: 64, accumulate: 4, lr: 5e-3, schedule: 'linear', augment: 'flip-crop' },
};

const settings = [
  'epochs',
  'steps',
  'batch',
  'lr',
  'weightDecay',
  'schedule',
  'warmup',
  'dropPath',
  'smoothing',
  'clip',
  'augment',
  'accumulate',
] as const;

/**
 * The preset, with what was given on top.
 *
 * @param lr the learning rate that suits the method, where neither names one
 */
export function recipeOf(args: Arguments, lr: number): Recipe {
  const { seed, shuffle, frozenDtype } = args;
  const given = Object.fromEntries(settings.flatMap(name => (args[name] === undefined ? [] : [[name, args[name]]])));
  return { ...plain, lr, seed, shuffle, frozenDtype, ...(args.preset && presets[args.preset]), ...given };
}

export function scheduleOf({ schedule, warmup: steps }: Recipe): Schedule {
  const schedules: Record<Recipe['schedule'], () => Schedule> = {
    constant: () => constantRate,
    cosine: () => cosine(),
    linear: () => linearDecay,
    'timm-0.4.12': () => timm0412(),
  };
  const after = schedules[schedule]();
  return steps > 0 ? warmup(steps, after) : after;
}
