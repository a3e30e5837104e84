import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fromFloat32, parseSafetensors, serializeSafetensors, toFloat32 } from '@peft/core';
import { modelConfig, modelWeights } from '@peft/pico';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Result, Scratch } from './peft.ts';

const scratch = new Scratch();
const at = (...parts: string[]): string => scratch.at(...parts);
const peft = (...argv: string[]): Promise<Result> => scratch.peft(...argv, '--quiet');

/** A copy of pico-vit with one number of one tensor replaced. */
function damaged(folder: string, tensor: string, value: number): string {
  const { tensors } = parseSafetensors(readFileSync(modelWeights('pico-vit')), 'pico-vit');
  const written = [...tensors].map(([name, stored]) => {
    const values = toFloat32(stored);
    if (name === tensor) values[3] = value;
    return [name, fromFloat32(values, stored.shape)] as const;
  });
  mkdirSync(at(folder), { recursive: true });
  writeFileSync(at(folder, 'config.json'), readFileSync(modelConfig('pico-vit')));
  writeFileSync(at(folder, 'model.safetensors'), serializeSafetensors(written, { format: 'pt' }));
  return at(folder);
}

beforeAll(async () => {
  await scratch.paint('pictures/train', 12);
  await scratch.paint('pictures/test', 6);
});
afterAll(() => rmSync(scratch.folder, { recursive: true }));

describe('weights that are not finite are refused, and nothing is written', () => {
  const picture = at('pictures', 'test', 'below', '0.jpg');
  test.each<[string, (backbone: string) => string[]]>([
    ['predict', backbone => ['predict', picture, '--backbone', backbone]],
    ['export', backbone => ['export', '--backbone', backbone, '--out', at('out.onnx')]],
    [
      'train',
      backbone => ['train', '--backbone', backbone, '--data', at('pictures'), '--steps', '2', '--out', at('out')],
    ],
  ])('%s', async (_, argv) => {
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY]) {
      const backbone = damaged(`damaged${value}`, 'blocks.2.mlp.fc1.weight', value);
      const { status, stdout, stderr } = await peft(...argv(backbone));
      expect(stderr).toMatch(/NaN|Infinity|not finite/);
      expect(stdout).toBe('');
      expect(status).toBe(1);
    }
    expect(readdirSync(scratch.folder)).not.toContain('out.onnx');
    expect(readdirSync(scratch.folder)).not.toContain('out');
  });
});

test('a run whose last update diverges is not saved', async () => {
  const run = ['train', '--backbone', 'pico-vit', '--data', at('pictures'), '--steps', '1', '--batch', '8'];
  const { status, stderr } = await peft(...run, '--lr', '1e39', '--out', at('diverged'));
  expect(stderr).toMatch(/not finite|NaN|Infinity/);
  expect(status).toBe(1);
  expect(readdirSync(scratch.folder)).not.toContain('diverged');
});
