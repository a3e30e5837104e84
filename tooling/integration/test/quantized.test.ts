import { quantizeBackbone } from '@peft/backbones';
import { startBackend } from '@peft/backends';
import { onnxEngine } from '@peft/compile';
import { type AdaptedModel, adapt, eagerEngine } from '@peft/core';
import { lora } from '@peft/lora';
import { neat } from '@peft/neat';
import { type Architecture, architectures, backbone, difference, follow } from '@peft/testing';
import { Trainer } from '@peft/train';
import { describe, expect, test } from 'vitest';
import { methods, pictures, withAdapters } from './models.ts';
import { expectSameInEightBits, logits, train } from './runs.ts';

describe.each(architectures)('%s with frozen weights in 8 bits', architecture => {
  test.each(Object.keys(methods))('%s has the same losses on every engine', async name => {
    await startBackend('cpu');
    const options = { steps: 20, isQuantized: true };
    const expected = await train(eagerEngine(), architecture, name, options);
    const wide = await train(eagerEngine(), architecture, name, { steps: 1 });
    expect(Math.abs(wide.losses[0] - expected.losses[0]) / wide.losses[0]).toBeGreaterThan(1e-5);
    expectSameInEightBits(await train(await onnxEngine({ threads: 1 }), architecture, name, options), expected);
    await startBackend('wasm', { threads: 2 });
    expectSameInEightBits(await train(eagerEngine(), architecture, name, options), expected);
  });
});

/** A backbone in 8 bits, but for its head. */
function quantized(architecture: Architecture) {
  const base = backbone(architecture);
  quantizeBackbone(base, 'int8');
  return base;
}

async function setUp(architecture: Architecture): Promise<{ model: AdaptedModel; trainer: Trainer }> {
  const base = quantized(architecture);
  const model = await withAdapters(base, {
    mlp: lora({ targets: ['mlp.fc1', 'mlp.fc2'], r: 2, modulesToSave: [...base.classifiers] }),
    attention: neat({ r: 2 }),
  });
  const engine = eagerEngine();
  return {
    model,
    trainer: new Trainer({ model, engine, source: pictures(), optimizer: { lr: 4e-3 }, epochs: 4, seed: 1 }),
  };
}

describe.each(architectures)('LoRA and NEAT on a %s in 8 bits', architecture => {
  test('learn, go on from a checkpoint bit by bit, and leave the quantized backbone when they are disabled', async () => {
    const whole = await setUp(architecture);
    const { losses } = await follow(whole.trainer);
    expect(losses.at(-1)).toBeLessThan(0.8 * losses[0]);
    const first = await setUp(architecture);
    await follow(first.trainer, 5);
    const second = await setUp(architecture);
    await second.trainer.restore(await first.trainer.checkpoint());
    await follow(second.trainer);
    expect(await logits(second.model)).toEqual(await logits(whole.model));
    whole.model.enabled = false;
    expect(await logits(whole.model)).toEqual(await logits(adapt(quantized(architecture))));
  });

  test('merge into float32 weights, and unmerge bit by bit', async () => {
    const { model, trainer } = await setUp(architecture);
    await follow(trainer, 8);
    const before = await logits(model);
    model.merge();
    const merged = difference(await logits(model), before);
    expect(merged).toBeGreaterThan(0); // inputs of merged weights are not rounded
    expect(merged).toBeLessThan(0.02 * Math.max(...before.map(Math.abs)));
    model.unmerge();
    expect(await logits(model)).toEqual(before);
  });
});
