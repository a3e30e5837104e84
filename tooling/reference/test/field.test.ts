import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { openBackbone } from '@peft/backbones/node';
import { adapt } from '@peft/core';
import { planAdapter } from '@peft/core/method';
import { loadAdapters } from '@peft/core/node';
import { lora } from '@peft/lora';
import { sharedFolder } from '@peft/vitest/shared';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, test } from 'vitest';

/** Folders of Python peft, with the first five logits that it gives for {@link picture}: the table in cases/README.md. */
const cases: Record<string, number[]> = {
  'bias-all': [1.73462, 0.26888, 0.84201, -0.73626, -1.66718],
  dora: [1.53863, 0.62562, 0.75225, -1.01476, -1.34026],
  'qkv-proj': [1.99525, 0.26429, 0.73977, -0.54191, -1.20823],
  'regex-i': [1.50519, 0.23764, 0.60372, -0.5261, -1.69337],
  'save-unknown': [1.71652, 0.46109, 0.17125, -1.02372, -1.57624],
  'swin-reduction': [3.14969, 3.00866, 0.16782, -1.73987, -1.36814],
};

const folder = join(sharedFolder, 'cases/adapters');
const missing = existsSync(folder) ? '' : ` (skipped: no cases/adapters in ${sharedFolder}; set PEFT_SHARED)`;

const picture = (): tf.Tensor =>
  tf.tensor(
    Float32Array.from({ length: 3072 }, (_, i) => 1.5 * Math.sin(0.37 * i)),
    [1, 32, 32, 3],
  );

const open = async (name: string) => {
  const base = name.startsWith('swin') ? 'pico-swin' : 'pico-vit';
  return adapt((await openBackbone(join(sharedFolder, 'weights', base))).model);
};

describe.skipIf(missing !== '')(`adapters from the field${missing}`, () => {
  test.each(Object.entries(cases))('%s gives the logits of Python', async (name, expected) => {
    const model = await open(name);
    await loadAdapters(model, join(folder, name), [lora]);
    const logits = [...(await model.call(picture()).data())].slice(0, 5);
    for (const [i, value] of expected.entries()) expect(logits[i], name).toBeCloseTo(value, 4);
  });

  test('enable-lora, a field of another library, is refused by name', async () => {
    const model = await open('enable-lora');
    await expect(loadAdapters(model, join(folder, 'enable-lora'), [lora])).rejects.toThrow(/enable_lora/);
  });

  test('all-linear leaves the patch convolution out, as in Python', async () => {
    const { base } = await open('vit');
    const { targets } = planAdapter(base, lora({ targets: 'all-linear' }));
    expect(targets.map(({ path }) => path)).not.toContain('patch_embed.proj');
  });
});
