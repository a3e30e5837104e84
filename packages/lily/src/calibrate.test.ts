import { createBackbone } from '@peft/backbones';
import { type AdaptedModel, adapt, initialize, key } from '@peft/core';
import { drawNormal } from '@peft/core/engine';
import * as tf from '@tensorflow/tfjs-core';
import { expect, test } from 'vitest';
import { calibrate, expertMixing, type LilyOptions, lily } from './index.ts';

const images = (seed: number): tf.Tensor4D => tf.tensor4d(drawNormal(key(seed), 2 * 32 * 32 * 3), [2, 32, 32, 3]);

/** A small ViT with a Lily whose tensors have all moved. */
async function moved(options: LilyOptions): Promise<AdaptedModel> {
  const model = adapt(initialize(createBackbone('pico-vit'), key(1)));
  const adapter = await model.add('default', lily({ r: 4, nB: 3, ...options }), { key: key(2) });
  for (const [, parameter] of adapter.parameters()) {
    parameter.set((await parameter.get()).map((value, i) => value + 0.1 * Math.cos(i * i + 1)));
  }
  return model;
}

const read = async (tensor: tf.Tensor): Promise<Float32Array> => {
  const values = Float32Array.from(await tensor.data());
  tensor.dispose();
  return values;
};

test('how much each expert counts is a share of one, and differs between layers', async () => {
  const model = await moved({ targets: ['attn.qkv[k,v]', 'mlp'] });
  const before = tf.memory().numTensors;
  const x = images(3);
  const mixing = expertMixing(model, model.get('default'), x);
  x.dispose();
  expect(Object.keys(mixing)).toEqual(model.get('default').plan.targets.map(({ id }) => id));
  const shares = await Promise.all(Object.values(mixing).map(read));
  for (const p of shares) {
    expect(p.length).toBe(3);
    expect(p.reduce((sum, value) => sum + value, 0)).toBeCloseTo(1, 5);
  }
  expect(new Set(shares.map(p => p[0].toFixed(3))).size).toBeGreaterThan(1);
  expect(tf.memory().numTensors).toBe(before);
  model.dispose();
});

test('calibrated, it is a low-rank pair that merges, and says how far it is from what it was', async () => {
  const model = await moved({ targets: ['attn.qkv[k,v]'], mixing: 'sample' });
  const probe = images(3);
  const routed = await read(model.call(probe));
  const { deviation, batches } = await calibrate(model, 'default', () => [images(3), images(4)]);
  const frozen = await read(model.call(probe));
  const distance = Math.max(...frozen.map((value, i) => Math.abs(value - routed[i])));
  expect(batches).toBe(2);
  expect(distance).toBeGreaterThan(1e-6);
  expect(deviation).toBeGreaterThanOrEqual(distance);
  expect(deviation).toBeLessThan(1);
  model.merge();
  const merged = await read(model.call(probe));
  expect(Math.max(...merged.map((value, i) => Math.abs(value - frozen[i])))).toBeLessThan(1e-4);
  model.unmerge();
  probe.dispose();
  model.dispose();
});

test('with a uniform mixing nothing is lost', async () => {
  const model = await moved({ targets: ['attn.qkv[k,v]'], mixing: 'uniform' });
  const { deviation } = await calibrate(model, 'default', () => [images(3)]);
  expect(deviation).toBeLessThan(1e-5);
  model.dispose();
});

test('a calibration set that is another one the second time is refused', async () => {
  const model = await moved({ targets: ['attn.qkv[k,v]'] });
  let turns = 0;
  const longer = () => Array.from({ length: ++turns }, (_, i) => images(i));
  await expect(calibrate(model, 'default', longer)).rejects.toThrow(
    expect.objectContaining({
      code: 'bad-argument',
      message: expect.stringContaining('Batch 2 of the calibration set'),
    }),
  );
  model.dispose();
});

test('what no weight can take is refused, and nothing changes', async () => {
  const model = await moved({ targets: ['attn.qkv[k,v]', 'mlp'] });
  const { method } = model.get('default');
  await expect(calibrate(model, 'default', () => [images(3)])).rejects.toThrow('adapts blocks.0.mlp, a block');
  expect(model.get('default').method).toBe(method);
  model.dispose();
});
