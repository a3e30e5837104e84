import { getModule } from '@peft/core';
import { beforeAll, describe, expect, test } from 'vitest';
import { createBackbone, loadBackbone, zoo } from '../src/index.ts';
import { compareGradients, maxDifference, numbers, pictures, record } from './compare.ts';
import { readShared, whyNot } from './shared.ts';

/** From a name in Microsoft's layout to our path. */
const toPath = (name: string): string =>
  name
    .replace(/^head\./, 'head.fc.')
    .replace(/^layers\.(\d+)\.downsample/, (_, stage: string) => `layers.${Number(stage) + 1}.downsample`);

describe.skipIf(whyNot)(
  `a small trained Swin equals PyTorch${whyNot && ` (skipped: ${whyNot})`}`,
  { timeout: 600_000 },
  async () => {
    const reference = await readShared('swin_micro_cifar10.reference.safetensors');
    const model = createBackbone({
      architecture: 'swin',
      config: {
        imageSize: [32, 32],
        patchSize: 4,
        windowSize: 4,
        embedDim: 64,
        depths: [2, 2, 2],
        heads: [2, 4, 8],
        classes: 10,
      },
      preprocessing: zoo['pico-swin'].preprocessing,
    });

    beforeAll(async () => {
      const found = loadBackbone(model, await readShared('swin_micro_cifar10.f32.safetensors'), 'swin_micro');
      expect(found.id).toBe('microsoft');
    });

    test('activations and logits', async () => {
      const places = {
        embeddings: 'patch_embed',
        layer_0: 'layers.1.downsample',
        layer_1: 'layers.2.downsample',
        layer_2: 'layers.2',
        norm: 'norm',
      };
      const recorded = Object.entries(places).map(([name, path]) => ({ name, tokens: record(getModule(model, path)) }));
      const logits = await model.call(pictures(reference)).data();
      expect(maxDifference(logits, numbers(reference, 'logits'))).toBeLessThan(1e-4);
      for (const { name, tokens } of recorded) {
        const got = await tokens.output().data();
        expect(maxDifference(got, numbers(reference, name)), name).toBeLessThan(1e-4);
        tokens.stop();
      }
    });

    test('loss and gradients, of the position tables too', async () => {
      const { loss, errors } = await compareGradients(model, reference, toPath);
      expect(Math.abs(loss - numbers(reference, 'loss')[0])).toBeLessThan(1e-4);
      expect(Object.keys(errors).length).toBe(12);
      for (const [path, error] of Object.entries(errors)) expect(error, path).toBeLessThan(1e-3);
    });
  },
);
