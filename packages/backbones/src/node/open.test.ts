import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PeftError, parameters, parseSafetensors, serializeSafetensors } from '@peft/core';
import { modelConfig, modelWeights } from '@peft/pico';
import * as tf from '@tensorflow/tfjs-core';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { maxDifference, numbers, pictures } from '../../test/compare.ts';
import { readFixture } from '../../test/fixture.ts';
import { sha256File } from './hash.ts';
import { openBackbone } from './open.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'backbone-'));
});
afterEach(() => rm(folder, { recursive: true }));

describe('a name', () => {
  test.each(['pico-vit', 'pico-swin'])('%s comes with weights and labels', async name => {
    const opened = await openBackbone(name);
    expect(opened).toMatchObject({ name, source: name, layout: { id: 'timm' } });
    expect(opened.labels).toEqual('airplane automobile bird cat deer dog frog horse ship truck'.split(' '));
    expect(opened.preprocessing).toMatchObject({ inputSize: [3, 32, 32], cropPct: 1, mean: [0.4914, 0.4822, 0.4465] });
    expect(await opened.weightsHash()).toMatch(/^[0-9a-f]{64}$/);
    expect(opened.model.call(tf.zeros([2, 32, 32, 3])).shape).toEqual([2, 10]);
  });

  test("a new head is drawn from the seed, and the labels are no longer the file's", async () => {
    const heads = await Promise.all(
      [1, 1, 2].map(async seed => {
        const { model, labels } = await openBackbone('pico-vit', { classes: 3, seed });
        expect(labels).toBeUndefined();
        return [...(await new Map(parameters(model)).get('head.weight')!.get())];
      }),
    );
    expect(heads[0]).toEqual(heads[1]);
    expect(heads[0]).not.toEqual(heads[2]);
  });

  test('with a file of weights, at another size', async () => {
    const weights = fileURLToPath(modelWeights('pico-vit'));
    const opened = await openBackbone('pico-vit', { weights, imageSize: 48 });
    expect(opened.preprocessing.inputSize).toEqual([3, 48, 48]);
    expect(opened.model.call(tf.zeros([1, 48, 48, 3])).shape).toEqual([1, 10]);
  });

  test('without weights it is random, and says so', async () => {
    const opened = await openBackbone('vit_tiny_patch16_224', { imageSize: 32, classes: 2 });
    expect(opened).toMatchObject({ weights: undefined, layout: undefined });
    expect(await opened.weightsHash()).toBeUndefined();
  });

  test('an unknown one is answered with the closest', async () => {
    await expect(openBackbone('vit_tini_patch16_224')).rejects.toThrow(/closest: vit_tiny_patch16_224/);
  });
});

describe('what is not a file', () => {
  test('a folder as weights, weights as a backbone', async () => {
    await expect(openBackbone('pico-vit', { weights: folder })).rejects.toThrow(/is a folder.*model\.safetensors/);
    const file = join(folder, 'vit.safetensors');
    await writeFile(file, '');
    await expect(openBackbone(file)).rejects.toThrow(/is a file; a backbone is a name.*--weights/);
    await expect(openBackbone('pico-vit', { weights: join(folder, 'none') })).rejects.toThrow(/There is no file/);
  });

  test.skipIf(process.platform === 'win32')('pipes and devices are refused, not waited for', async () => {
    const pipe = join(folder, 'config.json');
    execFileSync('sh', ['-c', 'mkfifo "$1"', 'sh', pipe]);
    await expect(openBackbone(folder)).rejects.toThrow(/config\.json is not a regular file but a pipe/);
    await expect(openBackbone('pico-vit', { weights: pipe })).rejects.toThrow(/is not a regular file/);
    await expect(openBackbone('pico-vit', { weights: '/dev/zero' })).rejects.toThrow(
      /\/dev\/zero is not a regular file/,
    );
  });
});

describe('a folder', () => {
  test('of timm', async () => {
    await copyFile(modelConfig('pico-vit'), join(folder, 'config.json'));
    await copyFile(modelWeights('pico-vit'), join(folder, 'model.safetensors'));
    const [ours, packaged] = await Promise.all([openBackbone(folder), openBackbone('pico-vit')]);
    expect(ours.name).toBe('vit_tiny_patch16_224');
    expect(await ours.weightsHash()).toBe(await packaged.weightsHash());
    expect(ours.labels).toEqual(packaged.labels);
    expect(ours.preprocessing).toEqual(packaged.preprocessing);
  });

  test.each(['transformers-vit', 'transformers-deit', 'transformers-dinov2', 'transformers-swin'])(
    'of %s',
    async name => {
      const { weights, reference, metadata } = await readFixture(name);
      await writeFile(join(folder, 'config.json'), metadata.config);
      await writeFile(join(folder, 'model.safetensors'), serializeSafetensors(weights));
      const { model } = await openBackbone(folder);
      const logits = await model.call(pictures(reference)).data();
      expect(maxDifference(logits, numbers(reference, 'logits'))).toBeLessThan(1e-5);
    },
  );

  describe('with weights in several files', () => {
    const shards = ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors'];
    const index = () => join(folder, 'model.safetensors.index.json');

    /** Splits pico-vit's weights in two, and writes what `change` makes of their index. */
    async function write(change: (index: Index) => unknown = given => given): Promise<void> {
      await copyFile(modelConfig('pico-vit'), join(folder, 'config.json'));
      const tensors = [...parseSafetensors(await readFile(modelWeights('pico-vit')), 'pico').tensors];
      const weight_map: Record<string, string> = {};
      let total_size = 0;
      for (const [i, shard] of shards.entries()) {
        const part = tensors.slice(i * 20, i === 0 ? 20 : undefined);
        for (const [name, { bytes }] of part) {
          weight_map[name] = shard;
          total_size += bytes.length;
        }
        await writeFile(join(folder, shard), serializeSafetensors(part));
      }
      await writeFile(index(), JSON.stringify(change({ metadata: { total_size }, weight_map })));
    }

    interface Index {
      metadata: { total_size: number };
      weight_map: Record<string, string>;
    }

    test('they are one model, with one hash', async () => {
      await write();
      const [ours, whole] = await Promise.all([openBackbone(folder), openBackbone('pico-vit')]);
      const picture = tf.randomNormal([1, 32, 32, 3], 0, 1, 'float32', 5);
      const [a, b] = await Promise.all([ours, whole].map(({ model }) => model.call(picture).data()));
      expect(maxDifference(a, b)).toBe(0);
      const hashes = await Promise.all(shards.map(shard => sha256File(join(folder, shard))));
      const lines = shards.map((shard, i) => `${hashes[i]}  ${shard}\n`).join('');
      expect(await ours.weightsHash()).toBe(createHash('sha256').update(lines).digest('hex'));
    });

    test.each<[string, (index: Index) => unknown, RegExp]>([
      ['a path out of the folder', it => ({ ...it, weight_map: { a: '../model.safetensors' } }), /model\.safetensors/],
      ['an absolute path', it => ({ ...it, weight_map: { a: '/etc/model.safetensors' } }), /model\.safetensors/],
      ['a file that is not there', it => ({ ...it, weight_map: { a: 'other.safetensors' } }), /There is no file/],
      [
        'a tensor that is nowhere',
        it => ({ ...it, weight_map: { ...it.weight_map, a: shards[0] } }),
        /lists "a", which/,
      ],
      [
        'a tensor in another file',
        it => ({ ...it, weight_map: { ...it.weight_map, 'head.bias': shards[0] } }),
        /head\.bias/,
      ],
      ['another total', it => ({ ...it, metadata: { total_size: 5 } }), /total_size is 5, but/],
      ['no map', () => ({}), /weight_map is missing/],
      ['a map to numbers', it => ({ ...it, weight_map: { a: 3 } }), /weight_map\.a should be/],
      ['no files', it => ({ ...it, weight_map: {} }), /names 0 files/],
    ])('an index with %s is refused', async (_, change, message) => {
      await write(change);
      const error = await openBackbone(folder).catch((cause: Error) => cause);
      expect(error).toBeInstanceOf(PeftError);
      expect((error as Error).message).toMatch(message);
      expect((error as Error).message).toContain(folder);
    });

    test('a tensor in two files is refused', async () => {
      await write();
      await copyFile(join(folder, shards[0]), join(folder, shards[1]));
      await expect(openBackbone(folder)).rejects.toThrow(/are in another file too/);
    });
  });

  test('with weights that only Python reads', async () => {
    await copyFile(modelConfig('pico-vit'), join(folder, 'config.json'));
    await writeFile(join(folder, 'pytorch_model.bin'), '');
    await expect(openBackbone(folder)).rejects.toThrow(/pytorch_model\.bin is not read.*save_pretrained/);
  });

  test('without a config, or without weights', async () => {
    await expect(openBackbone(folder)).rejects.toThrow(/no config\.json/);
    await copyFile(modelConfig('pico-vit'), join(folder, 'config.json'));
    await expect(openBackbone(folder)).rejects.toThrow(/no model\.safetensors/);
    await expect(openBackbone(join(folder, 'nowhere'))).rejects.toThrow(/no folder/);
  });
});
