import { recordWith } from '../../run/test/record.ts';
import type { VtabEntry } from '../src/index.ts';

/** A run that ended with `accuracy`, after looks at the test set. */
export const entry = (
  [method, task, seed]: [method: string, task: string, seed: number],
  accuracy: number,
  looks: number[] = [],
): VtabEntry => ({
  task,
  method,
  seed,
  protocol: 'raw',
  evaluations: looks.map((accuracy, i) => ({ epoch: 10 * (i + 1), accuracy })),
  record: recordWith(method, accuracy, 1000),
});
