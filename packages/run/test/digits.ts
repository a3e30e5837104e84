import { createBackbone, defineBackbone, loadBackbone } from '@peft/backbones';
import { parseSafetensors, sha256Of } from '@peft/core';
import { type Dataset, subset, tensorFileDataset, tensorFileOf } from '@peft/data';
import { mnistDigits, modelWeights } from '@peft/pico';
import { expect } from 'vitest';
import type { RecipeOptions, RunOptions } from '../src/index.ts';

/** Little enough for a graphics card that software emulates. */
const [imageSize, batch, steps, checkpointEvery] = [16, 2, 4, 2];

/** Each method as it would be used on pico-vit, for a few steps that pass its stages. */
export const digitsRecipes: readonly RecipeOptions[] = [
  { method: 'lora', lr: 2e-3, set: { r: 4 }, imageSize, batch, steps, checkpointEvery },
  { method: 'neat', lr: 5e-3, set: { r: 4 }, imageSize, batch, steps, checkpointEvery },
  { method: 'lily', lr: 1e-3, set: { r: 4 }, imageSize, batch, steps, checkpointEvery },
  { method: 'heat', lr: 2e-3, set: { r: 4, ratio: 0.5 }, imageSize, batch, steps, checkpointEvery },
  { method: 'pear', lr: 2e-3, targets: ['mlp'], set: { r: 4, act: 'relu' }, imageSize, batch, steps, checkpointEvery },
];

type Losses = readonly number[];

/** The losses of these recipes in Node, by method: `digits.test.ts` holds onnxruntime-node to them. */
const nodeLosses: Readonly<Record<string, Losses>> = {
  lora: [1.854013, 1.806803, 1.601464, 1.499948],
  neat: [1.854013, 1.555646, 1.178471, 1.120927],
  lily: [1.854013, 1.930902, 1.832697, 1.740532],
  heat: [1.854013, 1.854736, 1.691844, 1.591349],
  pear: [1.854013, 1.815201, 1.607495, 1.502986],
};

/** Checks that a run had the losses that Node has, to 1e-4 of their size. */
export function expectNodeLosses({ method = '' }: RecipeOptions, losses: Losses = []): void {
  const expected = nodeLosses[method];
  expect(losses).toHaveLength(expected.length);
  for (const [i, loss] of expected.entries()) {
    expect(Math.abs(losses[i] - loss), `step ${i + 1}: ${losses[i]}, not ${loss}`).toBeLessThan(1e-4 * loss);
  }
}

type Reader = (url: URL) => Promise<Uint8Array<ArrayBuffer>>;

/** pico-vit, and a few digits of each class; a new backbone each time. */
export async function digitsInputs(read: Reader): Promise<Pick<RunOptions, 'train' | 'test' | 'backbone'>> {
  const digits = async (split: 'train' | 'test', size: number): Promise<Dataset> => {
    const url = mnistDigits(split);
    const all = await tensorFileDataset(tensorFileOf(await read(url), url.href), url.href);
    const step = Math.floor(all.size / size);
    const indices = Int32Array.from({ length: size }, (_, i) => i * step);
    return subset(all, indices, `${size} digits, ${split}`);
  };
  const url = modelWeights('pico-vit');
  const bytes = await read(url);
  const model = createBackbone('pico-vit', { imageSize });
  loadBackbone(model, parseSafetensors(bytes, url.href), url.href);
  const { preprocessing } = defineBackbone('pico-vit', { imageSize });
  const weightsHash = async (): Promise<string> => sha256Of(bytes);
  const backbone = { model, preprocessing, labels: undefined, name: 'pico-vit', source: 'pico-vit', weightsHash };
  return { train: await digits('train', 20), test: await digits('test', 2), backbone };
}
