import type { RunRecord } from '@peft/run';
import type { PlannedRun, SweepEntry } from '../src/index.ts';

const recipe = { backbone: 'pico-vit', data: 'x', method: 'lora', lr: 1e-3 };

/** A record with an accuracy, all else as small as it can be. */
const record = (method: string, accuracy: number, parameters: number) =>
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

/** What a planned run came to: a score, or a failure if there is none. */
export function entryFor(
  { id, trial, seed, rung, settings, until }: PlannedRun,
  score: number | undefined,
): SweepEntry {
  const common = { id, trial, seed, ...(rung !== undefined && { rung }), settings };
  if (score === undefined) return { ...common, failure: { message: 'It diverged.', code: 'numerics', final: true } };
  const whole = record('lora', score, 1000);
  const metrics = { ...whole.result.metrics, loss: score };
  if (until) return { ...common, paused: { step: 1, metrics } };
  return { ...common, record: { ...whole, result: { ...whole.result, metrics } } };
}
