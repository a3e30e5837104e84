import type { AdaptedModel } from '@peft/core';
import { expect, test } from 'vitest';
import { type Gradient, gradients } from '../loss.ts';
import { type Subject, valuesOf, weights } from '../subject.ts';

/** Everything that training must leave alone. */
const frozen = async (model: AdaptedModel): Promise<Record<string, Float32Array>[]> => [
  await weights(model),
  await valuesOf([...model.get('default').parameters()].filter(([, { fixed }]) => fixed)),
];

/** Goes down all gradients at once, in each tensor by 0.01 where its own is largest: as Adam does, whatever their sizes. */
async function descend(all: readonly Gradient[]): Promise<void> {
  for (const { parameter, values, largest } of all) {
    const step = 0.01 / (largest || 1);
    parameter.set((await parameter.get()).map((value, i) => value - step * values[i]));
  }
}

const pathsOf = (all: readonly Gradient[]): string[] => all.map(({ path }) => path);

/** The tensors that get a gradient, and when. */
export function checkLearning(subject: Subject): void {
  test('at the start some tensors learn, after a step all do, and what is frozen never does', async () => {
    const model = await subject.attach();
    const { plan } = model.get('default');
    const before = await frozen(model);
    const start = await gradients(subject, model);
    const learning = start.filter(({ largest }) => largest > 0);
    expect(learning.length).toBeGreaterThan(0);
    if (subject.first) {
      const first = new Set(plan.byTarget.flatMap(({ parameters }) => subject.first?.map(name => parameters[name])));
      const own = new Set(plan.parameters.values());
      const isFirst = ({ parameter }: Gradient): boolean => first.has(parameter) || !own.has(parameter);
      expect(pathsOf(learning)).toEqual(pathsOf(start.filter(isFirst)));
    }
    await descend(start);
    const next = await gradients(subject, model);
    expect(pathsOf(next.filter(({ largest }) => !(largest > 0)))).toEqual([]);
    await descend(next);
    expect(await frozen(model)).toEqual(before);
  });
}
