import { recordWith } from '../../run/test/record.ts';
import type { PlannedRun, SweepEntry } from '../src/index.ts';

/** What a planned run came to: a score, or a failure if there is none. */
export function entryFor(
  { id, trial, seed, rung, settings, until }: PlannedRun,
  score: number | undefined,
): SweepEntry {
  const common = { id, trial, seed, ...(rung !== undefined && { rung }), settings };
  if (score === undefined) return { ...common, failure: { message: 'It diverged.', code: 'numerics', final: true } };
  const whole = recordWith('lora', score, 1000);
  const metrics = { ...whole.result.metrics, loss: score };
  if (until) return { ...common, paused: { step: 1, metrics } };
  return { ...common, record: { ...whole, result: { ...whole.result, metrics } } };
}
