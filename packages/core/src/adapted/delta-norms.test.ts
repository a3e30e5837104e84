import * as tf from '@tensorflow/tfjs-core';
import { expect, test } from 'vitest';
import { net } from '../../test/nets.ts';
import { adapt, adaptformer, deltaNorms, key, Linear } from '../index.ts';

test('the norm of an update is that of what merging changes, with the weight it is used with', async () => {
  const model = adapt(net());
  const adapter = await model.add('default', adaptformer({ targets: ['qkv[v]', 'proj'], r: 2, act: 'identity' }), {
    key: key(1),
  });
  for (const { parameters } of adapter.attachedTargets)
    parameters.B.set((await parameters.B.get()).map((_, i) => Math.sin(i + 1)));
  model.use({ default: 0.5 });
  const before = tf.memory().numTensors;
  const norms = await deltaNorms(adapter);
  expect(tf.memory().numTensors).toBe(before);
  expect(norms.map(({ target }) => target)).toEqual(adapter.plan.targets.map(({ id }) => id));

  const linear = adapter.plan.targets.map(({ module }) => module).filter(module => module instanceof Linear);
  const frozen = await Promise.all(linear.map(({ weight }) => weight.get()));
  model.merge();
  const merged = await Promise.all(linear.map(({ weight }) => weight.get()));
  model.unmerge();
  for (const [i, { delta, weight }] of norms.entries()) {
    const changes = merged[i].map((value, j) => value - frozen[i][j]);
    expect(delta).toBeCloseTo(Math.hypot(...changes), 4);
    expect(weight).toBeGreaterThan(0);
  }
});

test('what is not a change of the weight has no norm', async () => {
  const model = adapt(net());
  const adapter = await model.add('default', adaptformer({ targets: ['proj'], r: 2 }), { key: key(1) });
  expect(await deltaNorms(adapter)).toEqual([]);
});
