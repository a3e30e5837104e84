import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openBackbone } from '@peft/backbones/node';
import { type AdaptedModel, adapt, eagerEngine, key, parseSafetensors, permute, toFloat32, toInt32 } from '@peft/core';
import { loadAdapters, saveAdapters } from '@peft/core/node';
import { lora } from '@peft/lora';
import { Trainer } from '@peft/train';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { pythonMissing, runPython } from '../src/python.ts';

/** Named as in `scripts/lora_interop.py`. */
const cases = ['plain', 'head', 'rslora-patterns', 'regex', 'dora', 'bias-all', 'bias-adapted', 'pissa'];

const read = (path: string) => parseSafetensors(readFileSync(path), path).tensors;

function difference(a: Float32Array, b: Float32Array): number {
  expect(a.length).toBe(b.length);
  return a.reduce((worst, value, i) => Math.max(worst, Math.abs(value - b[i])), 0);
}

describe.skipIf(pythonMissing)(`LoRA against Python peft${pythonMissing ? ` (skipped: ${pythonMissing})` : ''}`, () => {
  const folder = mkdtempSync(join(tmpdir(), 'peft-interop-'));
  let images: Float32Array;
  let labels: Int32Array;

  beforeAll(() => {
    runPython('lora_interop.py', 'make', folder);
    const data = read(join(folder, 'data.safetensors'));
    images = permute(toFloat32(data.get('images')!), [6, 3, 16, 16], [0, 2, 3, 1]);
    labels = toInt32(data.get('labels')!);
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const open = async (): Promise<AdaptedModel> => adapt((await openBackbone(join(folder, 'base'))).model);
  const logits = async (model: AdaptedModel): Promise<Float32Array> => {
    const y = tf.tidy(() => model.call(tf.tensor(images, [6, 16, 16, 3])));
    return Float32Array.from(await y.data());
  };

  /** Twelve steps on the one batch that Python trains on. */
  async function trainTwelve(model: AdaptedModel): Promise<number[]> {
    const source = {
      length: 12,
      size: [16, 16] as const,
      async *batches() {
        for (let i = 0; i < 12; i++) yield { images, labels };
      },
    };
    const optimizer = { lr: 1e-2, weightDecay: 1e-2 };
    const trainer = new Trainer({ model, engine: eagerEngine(), source, optimizer, steps: 12 });
    const losses: number[] = [];
    for await (const event of trainer.run()) if (event.type === 'step') losses.push(event.loss);
    return losses;
  }

  test.each(cases)('%s: what Python wrote gives its logits, merged too, and trains as there', async name => {
    const results = read(join(folder, name, 'results.safetensors'));
    const theirs = toFloat32(results.get('logits')!);
    const model = await open();
    await loadAdapters(model, join(folder, name, 'theirs'), [lora]);
    expect(difference(await logits(model), theirs)).toBeLessThan(1e-4);
    model.merge();
    expect(difference(await logits(model), theirs)).toBeLessThan(1e-4);
    model.unmerge();
    const losses = await trainTwelve(model);
    expect(difference(Float32Array.from(losses), toFloat32(results.get('losses')!))).toBeLessThan(1e-4);
    expect(difference(await logits(model), toFloat32(results.get('trained')!))).toBeLessThan(1e-3);
    await saveAdapters(model, join(folder, name, 'ours'));
  });

  test('what was written here loads in Python with no warning and gives the same logits', async () => {
    const slices = await open();
    const options = { targets: ['attn.qkv[q,v]', 'fc1'], r: 3, alpha: 5, modulesToSave: ['head'] };
    const adapter = await slices.add('default', lora(options), { key: key(1) });
    for (const { B } of adapter.plan.bySite) B.set((await B.get()).map((_, i) => 0.1 * Math.sin(i)));
    await saveAdapters(slices, join(folder, 'plain', 'ours-slices'));
    const expected = new Map([['plain/ours-slices', await logits(slices)]]);
    for (const name of cases) {
      const model = await open();
      await loadAdapters(model, join(folder, name, 'ours'), [lora]);
      expected.set(`${name}/ours`, await logits(model));
    }
    runPython('lora_interop.py', 'check', folder);
    expect(readdirSync(join(folder, 'plain'))).toContain('ours-slices.checked.safetensors');
    for (const [path, ours] of expected) {
      const checked = read(join(folder, `${path}.checked.safetensors`));
      expect(difference(ours, toFloat32(checked.get('logits')!)), path).toBeLessThan(1e-4);
      expect(difference(ours, toFloat32(checked.get('merged')!)), path).toBeLessThan(1e-4);
    }
  });
});
