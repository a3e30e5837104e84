import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createBackbone } from '@peft/backbones';
import { exportOnnx } from '@peft/compile';
import {
  type AdaptedModel,
  adapt,
  fromFloat32,
  initialize,
  key,
  type Method,
  parseSafetensors,
  type StoredTensor,
  serializeSafetensors,
  toFloat32,
} from '@peft/core';
import { drawNormal } from '@peft/core/engine';
import { heat } from '@peft/heat';
import { lily } from '@peft/lily';
import { lora } from '@peft/lora';
import { neat } from '@peft/neat';
import { pear } from '@peft/pear';
import { evaluationStep } from '@peft/train';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, test } from 'vitest';
import { interpreter, pythonMissing, runPython } from '../src/python.ts';

interface Found {
  domains: string[];
  shapes: [string, (string | number)[]][];
  metadata: Record<string, string>;
}

/** Whether the reference environment has onnx and onnxruntime, which its recipe does not bring. */
function hasOnnx(): boolean {
  try {
    const { command, args, env } = interpreter;
    execFileSync(command, [...args, '-c', 'import onnx, onnxruntime'], { env, stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** A model whose every adapter tensor has moved away from its start. */
async function adapted(backbone: string, method: Method): Promise<AdaptedModel> {
  const model = adapt(initialize(createBackbone(backbone), key(1)));
  const adapter = await model.add('default', method, { key: key(2) });
  for (const [, parameter] of adapter.parameters()) {
    parameter.set((await parameter.get()).map((value, i) => value + 0.1 * Math.cos(i * i + 1)));
  }
  return model;
}

const methods: Record<string, Method> = {
  lora: lora({ targets: ['attn.qkv[q,v]'], r: 4, modulesToSave: ['head'] }),
  neat: neat({ r: 4, pairs: 1, act: 'gelu' }),
  lily: lily({ r: 4 }),
  heat: heat({ r: 4 }),
  pear: pear({ r: 4 }),
};

const kept = ['pico-vit', 'pico-swin'].flatMap(backbone =>
  Object.keys(methods).map((name): [string, string, boolean] => [name, backbone, false]),
);
const folded = ['lora', 'neat', 'heat'].map((name): [string, string, boolean] => [name, 'pico-vit', true]);
const why = pythonMissing ?? (hasOnnx() ? undefined : 'the reference environment has no onnx and onnxruntime');

describe.skipIf(why)(`exported models in Python${why ? ` (skipped: ${why})` : ''}`, () => {
  test.each([...kept, ...folded])('%s on %s, folded in: %s', async (name, backbone, isFolded) => {
    const model = await adapted(backbone, methods[name]);
    if (isFolded) model.merge();
    const step = evaluationStep(model);
    const forward = ({ images }: Record<string, tf.Tensor>) => step({ images: tf.transpose(images, [0, 2, 3, 1]) });
    const folder = mkdtempSync(join(tmpdir(), 'peft-onnx-'));
    const at = (file: string): string => join(folder, file);
    try {
      const metadata = { labels: JSON.stringify(['cat', 'dog']), preprocessing: '{"mean":[0.5,0.5,0.5]}' };
      const bytes = await exportOnnx(forward, { inputs: { images: { shape: [null, 3, 32, 32] } }, metadata });
      writeFileSync(at('model.onnx'), bytes);
      const batches = [1, 3].map(size => ({ size, values: drawNormal(key(size), size * 3 * 32 * 32) }));
      const stored = batches.map(
        ({ size, values }) => [`b${size}`, fromFloat32(values, [size, 3, 32, 32])] as [string, StoredTensor],
      );
      writeFileSync(at('images.safetensors'), serializeSafetensors(stored));
      const printed = runPython('onnx_check.py', at('model.onnx'), at('images.safetensors'), at('logits.safetensors'));
      const found: Found = JSON.parse(printed.trim().split('\n').at(-1) ?? '');
      expect(found.domains).toEqual(['']);
      expect(found.shapes).toEqual([
        ['images', ['batch', 3, 32, 32]],
        ['logits', ['batch', 10]],
      ]);
      expect(found.metadata).toMatchObject(metadata);
      const { tensors } = parseSafetensors(readFileSync(at('logits.safetensors')), 'logits');
      for (const { size, values } of batches) {
        const logits = tf.tidy(() => forward({ images: tf.tensor(values, [size, 3, 32, 32]) }).logits);
        const ours = await logits.data();
        logits.dispose();
        const theirs = toFloat32(tensors.get(`b${size}`)!);
        expect(theirs.length).toBe(size * 10);
        for (const [i, value] of theirs.entries()) expect(Math.abs(value - ours[i])).toBeLessThan(1e-4);
      }
    } finally {
      rmSync(folder, { recursive: true });
      model.dispose();
    }
  });
});
