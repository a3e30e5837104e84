import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fromFloat32, parseSafetensors, serializeSafetensors, toFloat32 } from '@peft/core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Scratch } from './peft.ts';

const scratch = new Scratch();
const at = (...parts: string[]): string => scratch.at(...parts);

interface Scored {
  accuracy: number;
}

beforeAll(async () => {
  await scratch.paint('pictures/train', 12);
  await scratch.paint('pictures/test', 6);
});
afterAll(() => rmSync(scratch.folder, { recursive: true }));

/** Logits of a model for two pictures. */
async function logits(out: string, ...model: string[]): Promise<Float32Array> {
  const images = Float32Array.from({ length: 2 * 3 * 32 * 32 }, (_, i) => Math.sin(i / 50));
  writeFileSync(at('in.safetensors'), serializeSafetensors([['images', fromFloat32(images, [2, 3, 32, 32])]]));
  await scratch.json('predict', ...model, '--tensors', at('in.safetensors'), '--out', at(out));
  return toFloat32(parseSafetensors(readFileSync(at(out)), out).tensors.get('logits')!);
}

test('a new head that modulesToSave leaves out is said to be trained along', async () => {
  const run = ['train', '--backbone', 'pico-vit', '--data', at('pictures'), '--steps', '1', '--batch', '8'];
  const { stderr } = await scratch.peft(...run, '--set', 'modulesToSave=[]', '--out', at('said'));
  expect(stderr).toContain('New modules, which are trained and saved with the adapter: head.weight, head.bias');
});

test.each(['lora', 'heat'])('%s: a new head is saved though modulesToSave leaves it out', async method => {
  const adapter = ['--adapter', at(method)];
  const recipe = ['--steps', '15', '--batch', '8', '--lr', '5e-3', '--set', 'modulesToSave=[]', '--set', 'r=2'];
  const data = ['--data', at('pictures')];
  const trained = await scratch.json<Scored>(
    ...['train', '--backbone', 'pico-vit', ...data, ...recipe],
    ...['--method', method, '--out', at(method)],
  );
  const { tensors } = parseSafetensors(readFileSync(at(method, 'adapter_model.safetensors')), 'adapter');
  expect(tensors.get('base_model.model.head.weight')?.shape).toEqual([2, 96]);
  const { accuracy } = await scratch.json<Scored>('eval', ...adapter, ...data, '--seed', '5');
  expect(accuracy).toBe(trained.accuracy);
  if (method !== 'lora') return;
  await scratch.json('merge', ...adapter, '--seed', '5', '--out', at('merged'));
  const [one, other] = [
    await logits('a.safetensors', ...adapter),
    await logits('b.safetensors', '--backbone', at('merged')),
  ];
  for (const [i, value] of one.entries()) expect(other[i]).toBeCloseTo(value, 4);
});
