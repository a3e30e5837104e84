import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fromFloat32, parseSafetensors, serializeSafetensors, toFloat32 } from '@peft/core';
import { afterAll, expect, test } from 'vitest';
import { readRecord } from '../src/world/record.ts';
import { Scratch } from './peft.ts';

/*
 * The folder that version 0.0.0 wrote. Later versions read it, or refuse it by its format:
 *
 *     peft train --backbone pico-vit --data mnist --steps 3 --batch 8 --checkpoint-every 2 --set r=1 \
 *       --targets 'blocks.5.attn.qkv[q,v]' --out run-1
 */
const frozen = new URL('fixtures/frozen/run-1', import.meta.url).pathname;
const run = ['train', '--backbone', 'pico-vit', '--data', 'mnist', '--steps', '3', '--batch', '8'];
const adapter = ['--set', 'r=1', '--targets', 'blocks.5.attn.qkv[q,v]', '--checkpoint-every', '2'];

const scratch = new Scratch();
const at = (...parts: string[]): string => scratch.at(...parts);
afterAll(() => rmSync(scratch.folder, { recursive: true }));

/** Logits of an adapter for one picture. */
async function logits(folder: string): Promise<Float32Array> {
  const image = Float32Array.from({ length: 3 * 32 * 32 }, (_, i) => Math.sin(i / 50));
  writeFileSync(at('in.safetensors'), serializeSafetensors([['images', fromFloat32(image, [1, 3, 32, 32])]]));
  await scratch.json('predict', '--adapter', folder, '--tensors', at('in.safetensors'), '--out', at('out.safetensors'));
  return toFloat32(parseSafetensors(readFileSync(at('out.safetensors')), 'out').tensors.get('logits')!);
}

test('its adapter gives the logits that it gave', async () => {
  const expected = [-0.56044, -0.24601, 0.85901, 0.42627, -0.63868];
  const found = await logits(frozen);
  for (const [i, value] of expected.entries()) expect(found[i]).toBeCloseTo(value, 4);
});

test('its record says how it was made, and how it went', async () => {
  const record = await readRecord(frozen);
  expect(record).toMatchObject({
    recipe: { backbone: 'pico-vit', lr: 2e-3, steps: 3, seed: 42 },
    result: { method: 'lora', trainable: 1354, losses: [2.6655783653259277, 2.596414089202881, 2.2339625358581543] },
  });
});

test('its run goes on from its checkpoint, to the same adapter', async () => {
  cpSync(frozen, at('again'), { recursive: true });
  rmSync(at('again', 'adapter_model.safetensors'));
  const { losses } = await scratch.json<{ losses: number[] }>(...run, ...adapter, '--resume', '--out', at('again'));
  expect(losses).toHaveLength(1);
  const [before, after] = [await logits(frozen), await logits(at('again'))];
  for (const [i, value] of before.entries()) expect(after[i]).toBeCloseTo(value, 3);
});
