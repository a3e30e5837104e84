import type { JsonObject } from '@peft/core';
import { constantRate, cosine, linearDecay, type Schedule, timm0412, warmup } from '@peft/train';

/** A recipe of the papers' code: the fields that it sets, and the options that it gives LoRA. */
export interface Preset {
  readonly recipe: JsonObject;
  readonly lora?: JsonObject;
}

export const presets = {
  vtab1k: {
    recipe: {
      epochs: 100,
      batch: 64,
      lr: 1e-3,
      schedule: 'timm-0.4.12',
      dropPath: 0.1,
      augment: 'vtab',
      normalize: false,
    },
    lora: { dropout: 0.1 },
  },
  'few-shot': {
    recipe: {
      epochs: 100,
      batch: 64,
      lr: 5e-3,
      schedule: 'timm-0.4.12',
      dropPath: 0.1,
      augment: 'flip-crop',
      normalize: 'imagenet',
    },
    lora: { r: 8 },
  },
  'neat-image': { recipe: { batch: 64, accumulate: 4, lr: 5e-3, schedule: 'linear', augment: 'flip-crop' } },
} satisfies Record<string, Preset>;

const schedules = {
  constant: () => constantRate,
  cosine: () => cosine(),
  linear: () => linearDecay,
  'timm-0.4.12': () => timm0412(),
} satisfies Record<string, () => Schedule>;

export type ScheduleName = keyof typeof schedules;
export const scheduleNames = Object.keys(schedules) as ScheduleName[];

/** @param steps of linear warm-up before it */
export function scheduleOf(name: ScheduleName, steps: number): Schedule {
  const after = schedules[name]();
  return steps > 0 ? warmup(steps, after) : after;
}
