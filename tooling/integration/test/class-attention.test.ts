import { classAttention, createBackbone, VisionTransformer } from '@peft/backbones';
import { onnxEngine } from '@peft/compile';
import { type AdaptedModel, adapt, eagerEngine, initialize, key } from '@peft/core';
import { lora } from '@peft/lora';
import * as tf from '@tensorflow/tfjs-core';
import { expect, test } from 'vitest';

const config = { imageSize: [16, 16], patchSize: 4, embedDim: 24, depth: 3, heads: 3, classes: 4 } as const;
const [tokens, width] = [17, 8];
const images = tf.randomUniform([2, 16, 16, 3], -1, 1, 'float32', 7);

/** A model with LoRA whose updates are not zero. */
async function adapted(options: Partial<typeof config> & { registerTokens?: number } = {}) {
  const vit = new VisionTransformer({ ...config, ...options, imageSize: [16, 16] });
  initialize(vit, key(3));
  const model = adapt(vit);
  await model.add(lora({ r: 2, alpha: 8, targets: ['attn.qkv[q,k,v]', 'mlp.fc1'] }), { key: key(5) });
  for (const adapter of model.active)
    for (const { parameters: values } of adapter.attachedTargets)
      for (const { value } of Object.values(values))
        value.assign(tf.randomNormal([...value.shape], 0, 0.3, 'float32', 11));
  return { vit, model };
}

/** The same in loops over numbers: block by block, as the forward pass reaches it. */
function directly(vit: VisionTransformer): number[] {
  const found: number[][][] = vit.blocks.map(() => []); // by block and picture
  const [embed, ...blocks] = vit.segments();
  let x = embed!.run(images);
  for (const [i, block] of vit.blocks.entries()) {
    const qkv = block.attn.qkv.call(block.norm1.call(x)).arraySync() as number[][][];
    found[i] = qkv.map(rows =>
      Array.from({ length: 3 }, (_, head) => {
        const part = (row: number[], third: number) =>
          row.slice(24 * third + width * head, 24 * third + width * (head + 1));
        const q = part(rows[0], 0);
        const logits = rows.map(
          row => part(row, 1).reduce((sum, value, j) => sum + value * q[j], 0) / Math.sqrt(width),
        );
        const powers = logits.map(Math.exp);
        const total = powers.reduce((a, b) => a + b);
        return powers.map(power => power / total);
      }).flat(),
    );
    if (i < vit.blocks.length - 1) x = blocks[i].run(x);
  }
  return [0, 1].flatMap(picture => found.flatMap(block => block[picture]));
}

const difference = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Array.from(a).reduce((most, value, i) => Math.max(most, Math.abs(value - b[i])), 0);

const stepOf = (vit: VisionTransformer) => (inputs: { images: tf.Tensor }) => ({
  attention: classAttention(vit, inputs.images),
});

const hostImages = () => ({ images: { data: images.dataSync<'float32'>(), shape: images.shape } });

const expectDirect = async (vit: VisionTransformer, model: AdaptedModel) => {
  const onnx = await onnxEngine({ threads: 1 });
  const names = model.active.map(({ name }) => name);
  const results: ArrayLike<number>[] = [];
  for (const active of [[], names]) {
    model.use(active);
    const direct = directly(vit);
    for (const engine of [eagerEngine(), onnx]) {
      const { attention } = await engine.compile(stepOf(vit)).run(hostImages());
      expect(attention.shape).toEqual([2, 3, 3, direct.length / 18]);
      expect(difference(attention.data, direct)).toBeLessThan(1e-5);
    }
    results.push(direct);
  }
  const [frozen, changed] = results;
  expect(difference(frozen, changed)).toBeGreaterThan(0.01);
  await onnx.dispose();
};

test('the attention of the class token is that of a direct computation, frozen and adapted, on two engines', async () => {
  const { vit, model } = await adapted();
  await expectDirect(vit, model);
  expect(classAttention(vit, images).shape).toEqual([2, 3, 3, tokens]);
});

test('registers stand between the class token and the patches', async () => {
  const { vit } = await adapted({ registerTokens: 2 });
  const rows = classAttention(vit, images);
  expect(rows.shape).toEqual([2, 3, 3, tokens + 2]);
  expect(difference(tf.sum(rows, -1).dataSync(), new Array(18).fill(1))).toBeLessThan(1e-5);
});

test('it leaves the model as it was, and frees what it made', async () => {
  const { vit } = await adapted();
  const before = tf.memory().numTensors;
  const logits = () => tf.tidy(() => vit.call(images).dataSync());
  const first = logits();
  classAttention(vit, images).dispose();
  expect(tf.memory().numTensors).toBe(before);
  expect(difference(first, logits())).toBe(0);
});

test('backbones without a class token are refused', () => {
  const swin = createBackbone('pico-swin');
  expect(() => classAttention(swin, images)).toThrow('within windows');
  const average = new VisionTransformer({ ...config, imageSize: [16, 16], globalPool: 'avg', classToken: false });
  expect(() => classAttention(average, images)).toThrow('no class token');
});
