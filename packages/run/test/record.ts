import type { RunRecord } from '../src/index.ts';

const recipe = { backbone: 'pico-vit', data: 'x', method: 'lora', lr: 1e-3 };

/** A record with an accuracy, all else as small as it can be. */
export const recordWith = (method: string, accuracy: number, parameters: number) =>
  ({
    format: 2,
    versions: {},
    recipe: { ...recipe, method },
    backbone: { name: 'pico-vit', weights: null },
    data: { train: 'a', test: 'b' },
    preprocessing: {},
    classes: null,
    methods: {},
    result: {
      method,
      engine: 'tfjs cpu',
      losses: [1],
      epochs: [{ epoch: 0, meanLoss: 1 }],
      seconds: 1,
      metrics: { n: 10, accuracy, meanPerClass: accuracy, loss: 1, confusion: [[10]] },
      trainable: parameters + 10,
      adapterTrainable: parameters,
      total: 100,
      insights: [],
      adapter: 'out',
      bytes: 10,
    },
  }) as unknown as RunRecord;
