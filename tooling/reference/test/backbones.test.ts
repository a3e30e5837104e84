import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openBackbone, saveBackbone } from '@peft/backbones/node';
import { fromFloat32, key, parameters, parseSafetensors, serializeSafetensors, toFloat32 } from '@peft/core';
import { drawNormal } from '@peft/core/engine';
import { permute } from '@peft/core/method';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { difference } from '../src/interop.ts';
import { pythonMissing, runPython } from '../src/python.ts';

const skipped = pythonMissing ? ` (skipped: ${pythonMissing})` : '';
const labels = ['first', 'second', 'third'];

describe.skipIf(pythonMissing)(`saved backbones against timm and transformers${skipped}`, () => {
  const folder = mkdtempSync(join(tmpdir(), 'peft-backbones-'));
  const expected = new Map<string, Float32Array>();
  const formats = new Map<string, string>();

  /** Opens a model of Python with a new head, moves its weights, saves it, and leaves pictures for Python. */
  async function change(name: string): Promise<void> {
    const opened = await openBackbone(join(folder, name, 'base'), { classes: 3, seed: 1 });
    for (const [, parameter] of parameters(opened.model)) {
      parameter.set((await parameter.get()).map((value, i) => value + 0.02 * Math.cos(i * i + 1)));
    }
    const { format } = await saveBackbone(opened, join(folder, name, 'saved'), { labels });
    formats.set(name, format);
    const [height, width] = opened.model.imageSize;
    const pictures = drawNormal(key(3), 2 * height * width * 3);
    const images = fromFloat32(permute(pictures, [2, height, width, 3], [0, 3, 1, 2]), [2, 3, height, width]);
    writeFileSync(join(folder, name, 'images.safetensors'), serializeSafetensors([['images', images]]));
    const logits = tf.tidy(() => opened.model.call(tf.tensor(pictures, [2, height, width, 3])));
    expected.set(name, Float32Array.from(await logits.data()));
  }

  beforeAll(async () => {
    runPython('backbones.py', 'make', folder);
    for (const name of readdirSync(folder)) await change(name);
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  test('their libraries open them as they are, with our logits and class names', () => {
    const found: Record<string, string[]> = JSON.parse(runPython('backbones.py', 'check', folder));
    expect(Object.keys(found)).toHaveLength(13);
    for (const [name, logits] of expected) {
      const path = join(folder, name, 'checked.safetensors');
      const theirs = toFloat32(parseSafetensors(readFileSync(path), path).tensors.get('logits')!);
      expect(difference(theirs, logits), name).toBeLessThan(1e-4);
      expect(found[name], name).toEqual(labels);
    }
  });

  test('each keeps the layout that it came in, but for the head of ours that transformers has no class for', () => {
    for (const [name, format] of formats) {
      expect(format, name).toBe(name.startsWith('hf-') && name !== 'hf-dinov2' ? 'transformers' : 'timm');
    }
  });

  test('names of tensors stay those of the file', async () => {
    for (const name of ['hf-vit', 'hf-5.9-vit', 'hf-swin', 'timm-no-token']) {
      const names = ['base', 'saved'].map(part => {
        const path = join(folder, name, part, 'model.safetensors');
        return [...parseSafetensors(readFileSync(path), path).tensors.keys()].sort();
      });
      expect(names[1], name).toEqual(names[0]);
    }
  });
});
