import type { JsonObject } from '@peft/core';
import { constantRate, cosine, linearDecay, type Schedule, timm0412, warmup } from '@peft/train';
import type { Arguments } from './arguments.ts';

/** How to train: everything but what to train. */
export interface Recipe {
  epochs: number;
  batch: number;
  weightDecay: number;
  schedule: NonNullable<Arguments['schedule']>;
  /** Steps. */
  warmup: number;
  dropPath: number;
  augment: NonNullable<Arguments['augment']>;
  accumulate: number;
  lr?: number;
  /** Method options that belong to the recipe. */
  method: JsonObject;
  /** What the recipe does to pictures instead of the backbone's own mean and deviation. */
  normalise: boolean;
}

const plain: Recipe = {
  epochs: 10,
  batch: 32,
  weightDecay: 1e-4,
  schedule: 'cosine',
  warmup: 0,
  dropPath: 0,
  augment: 'none',
  accumulate: 1,
  method: {},
  normalise: true,
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
    normalise: false,
  },
  'neat-image': { batch: 64, accumulate: 4, lr: 5e-3, schedule: 'linear', augment: 'flip-crop' },
};

/** The preset, with what was given on top. */
export function recipeOf(args: Arguments): Recipe {
  const base = { ...plain, ...(args.preset && presets[args.preset]) };
  const names = [
    'epochs',
    'batch',
    'weightDecay',
    'schedule',
    'warmup',
    'dropPath',
    'augment',
    'accumulate',
    'lr',
  ] as const;
  const given = Object.fromEntries(names.flatMap(name => (args[name] === undefined ? [] : [[name, args[name]]])));
  return { ...base, ...given };
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
