import type { AdaptedModel, Parameter } from '@peft/core';
import { expect, test } from 'vitest';
import { gradients, lossValue } from '../loss.ts';
import { moved, type Subject } from '../subject.ts';

/** A ReLU's kink lies within a long step, and a short one drowns in rounding: a wrong gradient fails with each. */
const steps = [3e-3, 1e-2, 3e-2];

/** The derivative of the loss by one element, by central differences. */
async function slope(
  subject: Subject,
  model: AdaptedModel,
  parameter: Parameter,
  element: number,
  step: number,
): Promise<number> {
  const start = await parameter.get();
  const at = async (delta: number): Promise<number> => {
    parameter.set(start.map((value, i) => (i === element ? value + delta : value)));
    return lossValue(subject, model);
  };
  const difference = (await at(step)) - (await at(-step));
  parameter.set(start);
  return difference / (2 * step);
}

/** Gradients against finite differences. */
export function checkSlopes(subject: Subject): void {
  test('every trained tensor learns, by the gradient that finite differences give', async () => {
    const model = await moved(subject);
    for (const { path, parameter, values, largest } of await gradients(subject, model)) {
      expect(largest, path).toBeGreaterThan(1e-4);
      if (subject.detaches) continue;
      const limit = 0.02 * largest + 2e-4;
      const steepest = values.findIndex(value => Math.abs(value) === largest);
      for (const i of new Set([0, steepest, values.length - 1])) {
        let error = Number.POSITIVE_INFINITY;
        for (const step of steps) {
          error = Math.min(error, Math.abs((await slope(subject, model, parameter, i, step)) - values[i]));
          if (error < limit) break;
        }
        expect(error, `${path}[${i}]`).toBeLessThan(limit);
      }
    }
  });
}
