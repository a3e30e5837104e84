import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { disposeModule, initialize, key, parameters, type QuantizedDtype, serializeSafetensors } from '@peft/core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Backbone } from '../backbone.ts';
import { createBackbone } from '../create.ts';
import { openBackbone } from '../node/open.ts';
import { quantizeBackbone } from '../quantize.ts';
import { exportQuantized, quantizedMetadata } from './export-quantized.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'peft-quantized-'));
});
afterAll(() => rm(folder, { recursive: true }));

const made = (): Backbone => initialize(createBackbone('pico-vit'), key(1));

async function written(dtype: QuantizedDtype, layout = 'timm'): Promise<string> {
  const model = made();
  const path = join(folder, `${dtype}-${layout}.safetensors`);
  await writeFile(path, serializeSafetensors(await exportQuantized(model, layout, dtype), quantizedMetadata(dtype)));
  disposeModule(model);
  return path;
}

const weights = async (model: Backbone): Promise<Record<string, Float32Array>> => {
  const found: Record<string, Float32Array> = {};
  for (const [path, parameter] of parameters(model)) found[path] = await parameter.get();
  return found;
};

describe.each(['int8', 'int4'] as const)('a file in %s', dtype => {
  test.each(['timm', 'hf'])('of layout %s is opened, and has the weights that quantizing gives', async layout => {
    const opened = await openBackbone('pico-vit', { weights: await written(dtype, layout) });
    const expected = made();
    quantizeBackbone(expected, dtype);
    expect(opened.frozenDtype).toBe(dtype);
    const [found, wanted] = [await weights(opened.model), await weights(expected)];
    for (const name of Object.keys(wanted).filter(path => /^blocks.*(qkv|proj|fc\d)\.weight/.test(path))) {
      expect(found[name], name).toEqual(wanted[name]);
    }
    for (const name of ['patch_embed.proj.weight', 'head.weight', 'pos_embed', 'norm.bias']) {
      const far = Math.max(...found[name].map((value, i) => Math.abs(value - wanted[name][i])));
      expect(far, name).toBeLessThan(dtype === 'int4' ? 5e-3 : 1e-3);
    }
    disposeModule(opened.model);
    disposeModule(expected);
  });
});

test('another dtype than the file has is refused', async () => {
  const opening = openBackbone('pico-vit', { weights: await written('int8'), frozenDtype: 'int4' });
  await expect(opening).rejects.toThrow('has its weights in int8; they cannot be kept in int4.');
});

test('a model that is quantized is not quantized again', async () => {
  const model = made();
  quantizeBackbone(model, 'int8');
  await expect(exportQuantized(model, 'timm', 'int4')).rejects.toThrow('is quantized already');
  disposeModule(model);
});
