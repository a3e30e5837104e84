import { getModule, type Method, type Module, patch } from '@peft/core';
import type { LowRank } from '@peft/core/method';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, test } from 'vitest';
import { maxDifference } from '../../test/compare.ts';
import { adapted, images, lowRank, train } from '../../test/training.ts';
import type { VisionTransformerConfig } from './config.ts';
import { VisionTransformer } from './vision-transformer.ts';

const small = { imageSize: [16, 16], patchSize: 4, classes: 5, mlpRatio: 2, embedDim: 8, depth: 2, heads: 2 } as const;
const inOrder = ['norm1', 'attn.qkv', 'attn.proj', 'norm2', 'mlp.fc1', 'mlp.fc2', 'mlp'];

/** What a row gets depends on all rows: the delta is weighed by the mean of the delta. */
const mixed = (targets: string[]): Method<object, LowRank> => {
  const method = lowRank(targets);
  const delta: typeof method.delta = call =>
    tf.tidy(() => {
      const own = method.delta(call);
      return tf.mul(own, tf.mean(own, 1, true));
    });
  return { ...method, delta, rowwise: false };
};

/** How many tokens each module of the last block gives. */
function counted(model: VisionTransformer, call: () => void): number[] {
  const counts = inOrder.map(() => 0);
  const undo = inOrder.map((name, i) =>
    patch(getModule(model.blocks.at(-1) as Module, name), {
      rowwise: true,
      output(y) {
        counts[i] = y.shape[1] as number;
        return y;
      },
    }),
  );
  call();
  for (const back of undo) back();
  return counts;
}

const pooled: [string, Partial<VisionTransformerConfig>, number][] = [
  ['a class token', {}, 1],
  ['a class token, with layer scale and registers', { layerScale: 0.5, registerTokens: 3 }, 1],
  ['a class token normalized after pooling', { fcNorm: true }, 1],
  ['two tokens', { distilled: true }, 2],
];

describe.each(pooled)('pooling by %s', (_, options, read) => {
  const create = () => new VisionTransformer({ ...small, ...options });
  const all = 16 + create().prefixTokens;

  test.each<[string, Method, number[]]>([
    ['a head alone', lowRank(['head']), [all, all, read, read, read, read, read]],
    ['rows by themselves', lowRank(['qkv', 'attn.proj', 'fc1', 'fc2']), [all, all, read, read, read, read, read]],
    ['rows together in proj', mixed(['attn.proj']), [all, all, all, read, read, read, read]],
    ['rows together in fc1', mixed(['qkv', 'fc1']), [all, all, all, all, all, all, all]],
    ['rows together in fc2', mixed(['attn.proj', 'fc2']), [all, all, all, all, all, all, all]],
  ])('the last block computes what is read where an adapter changes %s', async (_, method, counts) => {
    const trained = await adapted(create, method);
    const model = trained.backbone as VisionTransformer;
    expect(counted(model, () => train(trained, images()))).toEqual(counts);
    const some = await train(trained, images()).data();
    const last = model.blocks.at(-1) as Module;
    patch(last, { output: y => y }); // of which nothing is known, so that it must see all tokens
    expect(counted(model, () => train(trained, images())).slice(1)).toEqual(inOrder.slice(1).map(() => all));
    expect(maxDifference(some, await train(trained, images()).data())).toBeLessThan(1e-6);
  });

  test('whoever looks at all tokens sees them', async () => {
    const { backbone, model } = await adapted(create, lowRank(['head']));
    expect((backbone as VisionTransformer).tokens(images()).shape).toEqual([2, all, 8]);
    for (const name of ['mlp.fc2', 'attn', '']) {
      let seen: number[] = [];
      const at = getModule((backbone as VisionTransformer).blocks[1], name);
      const stop = patch(at, {
        output(y) {
          seen = y.shape;
          return y;
        },
      });
      model.call(images());
      stop();
      expect(seen).toEqual([2, all, 8]);
    }
  });
});

test('pooling by a mean reads all tokens', async () => {
  const trained = await adapted(() => new VisionTransformer({ ...small, globalPool: 'avg' }), lowRank(['qkv']));
  const counts = counted(trained.backbone as VisionTransformer, () => train(trained, images()));
  expect(counts).toEqual(inOrder.map(() => 17));
});
