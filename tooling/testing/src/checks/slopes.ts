import type { AdaptedModel, Parameter } from '@peft/core';
import { expect, test } from 'vitest';
import { gradients, lossValue } from '../loss.ts';
import { moved, type Subject } from '../subject.ts';

/** The derivative of the loss by one element, by central differences. */
async function slope(subject: Subject, model: AdaptedModel, parameter: Parameter, element: number): Promise<number> {
  const step = 3e-3; // small, so that few kinks of a ReLU lie within
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
      const steepest = values.findIndex(value => Math.abs(value) === largest);
      for (const i of new Set([0, steepest, values.length - 1])) {
        const numeric = await slope(subject, model, parameter, i);
        expect(Math.abs(numeric - values[i]), `${path}[${i}]`).toBeLessThan(0.02 * largest + 2e-4);
      }
    }
  });
}
