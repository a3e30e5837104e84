import { readFile } from 'node:fs/promises';
import { parseSafetensors, toFloat32 } from '@peft/core';
import { expect, test } from 'vitest';
import { modelConfig, modelWeights } from './index.ts';

test.each([
  ['pico-vit', 683_242, 'vit_tiny_patch16_224'],
  ['pico-swin', 1_267_670, 'swin_tiny_patch4_window7_224'],
] as const)('%s is whole: %i parameters in F16', async (name, parameters, architecture) => {
  const { tensors } = parseSafetensors(await readFile(modelWeights(name)), name);
  const values = [...tensors.values()].map(toFloat32);
  expect(values.reduce((sum, tensor) => sum + tensor.length, 0)).toBe(parameters);
  expect(values.every(tensor => tensor.every(Number.isFinite))).toBe(true);
  expect([...tensors.values()].every(({ dtype }) => dtype === 'F16')).toBe(true);
  const config = JSON.parse(await readFile(modelConfig(name), 'utf8'));
  expect(config).toMatchObject({ architecture, num_classes: 10 });
  expect(config.label_names).toHaveLength(10);
});
