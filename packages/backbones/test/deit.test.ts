import { getModule } from '@peft/core';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { createBackbone, loadBackbone } from '../src/index.ts';
import { compareGradients, maxDifference, numbers, pictures, record } from './compare.ts';
import { readShared, whyNot } from './shared.ts';

const name = 'deit_tiny_patch16_224';

describe.skipIf(whyNot)(
  `DeiT-Tiny equals PyTorch${whyNot && ` (skipped: ${whyNot})`}`,
  { timeout: 600_000 },
  async () => {
    const reference = await readShared(`${name}.reference.safetensors`);
    const model = createBackbone(name);

    beforeAll(async () => {
      loadBackbone(model, await readShared(`${name}.f32.safetensors`), name);
    });

    test('activations, features and logits', async () => {
      const input = pictures(reference);
      const places = ['blocks.0', 'blocks.5', 'blocks.11', 'norm'].map(path => {
        const expected = numbers(reference, path.replace('blocks.', 'block_'));
        // The reference itself, in float32, is 2.7e-4 from float64 after the last block, where values reach 25.
        return { tokens: record(getModule(model, path)), expected, within: path === 'blocks.11' ? 3e-4 : 1e-4 };
      });
      const logits = model.call(input);
      expect(maxDifference(await logits.data(), numbers(reference, 'logits'))).toBeLessThan(1e-4);
      for (const { tokens, expected, within } of places) {
        const two = tf.slice(tokens.output(), 0, 2);
        expect(maxDifference(await two.data(), expected)).toBeLessThan(within);
        tokens.stop();
      }
      const features = await model.features(input).data();
      expect(maxDifference(features, numbers(reference, 'cls_feature'))).toBeLessThan(1e-4);
      if (model.architecture === 'vit') {
        const embedded = await tf.slice(model.embed(input), 0, 2).data();
        expect(maxDifference(embedded, numbers(reference, 'embeddings'))).toBeLessThan(1e-4);
      }
    });

    test('loss and gradients', async () => {
      const { loss, errors } = await compareGradients(model, reference, name => name);
      expect(Math.abs(loss - numbers(reference, 'loss')[0])).toBeLessThan(1e-4);
      expect(Object.keys(errors).length).toBe(8);
      for (const [path, error] of Object.entries(errors)) expect(error, path).toBeLessThan(1e-3);
    });

    test('half precision', async () => {
      const half = createBackbone(name);
      loadBackbone(half, await readShared(`${name}.f16.safetensors`), name);
      const logits = await half.call(pictures(reference)).data();
      expect(maxDifference(logits, numbers(reference, 'logits_from_f16_weights'))).toBeLessThan(1e-4);
    });
  },
);
