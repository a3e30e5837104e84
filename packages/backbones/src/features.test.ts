import { initialize, key, type Method, trainModules } from '@peft/core';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, test } from 'vitest';
import { maxDifference } from '../test/compare.ts';
import { adapted, images, lowRank, train } from '../test/training.ts';
import { type Backbone, createBackbone, setDropPath, splitFeatures, zoo } from './index.ts';

const small = { imageSize: [16, 16], patchSize: 4, classes: 5, mlpRatio: 2 } as const;
const { preprocessing } = zoo['pico-vit'];
const vit = (): Backbone =>
  createBackbone({
    architecture: 'vit',
    config: { ...small, embedDim: 8, depth: 4, heads: 2, distilled: true },
    preprocessing,
  });
const swin = (): Backbone =>
  createBackbone({
    architecture: 'swin',
    config: { ...small, embedDim: 8, depths: [2, 2], heads: [2, 2], windowSize: 2 },
    preprocessing,
  });

const count = (names: string[], name: string): number => names.filter(other => other === name).length;

describe.each([
  ['vision transformer', vit, (block: number) => `blocks.${block}`],
  ['Swin', swin, (block: number) => `layers.${block >> 1}.blocks.${block & 1}`],
])('%s', (_, create, block) => {
  const onBlock = (i: number): Method => lowRank([`${block(i)}.attn.qkv`]);

  test.each([3, 2])(
    'runs no gradient below its lowest adapter, in block %i, and none of frozen weights',
    async lowest => {
      const trained = await adapted(create, onBlock(lowest));
      const { kernels } = await tf.profile(() => train(trained, images()));
      const names = kernels.map(({ name }) => name);
      const above = 4 - lowest;
      expect(count(names, 'PeftAttention')).toBe(4);
      expect(count(names, 'PeftAttentionGrad')).toBe(above);
      expect(count(names, 'PeftGeluGrad')).toBe(above);
      expect(count(names, 'PeftLayerNormGrad')).toBe(2 * above); // the last norm, but not the one below the adapter
      const { length: overTokens } = kernels.filter(
        ({ name, inputShapes: [a, b] }) => name === 'BatchMatMul' && a.length === 2 && a[0] === b[0],
      );
      expect(overTokens).toBe(2); // x^T dy: of A and of B, and of no frozen weight
    },
  );

  test('keeps nothing of what lies below', async () => {
    const kept = async (lowest: number): Promise<number> => {
      let nodes = 0;
      const onForward = () => {
        nodes = tf.engine().state.activeTape.length;
      };
      train(await adapted(create, onBlock(lowest)), images(), onForward);
      return nodes;
    };
    const [all, last] = [await kept(0), await kept(3)];
    expect(last).toBeLessThan(0.45 * all);
    const head = await adapted(create, trainModules({ modulesToSave: create().classifiers.slice() }));
    const { kernels } = await tf.profile(() => train(head, images()));
    expect(kernels.filter(({ name }) => /^Peft\w+Grad$/.test(name))).toEqual([]);
  });

  test('keeps nothing of adapters that do not train, below one that does', async () => {
    const everywhere = await adapted(create, lowRank(['attn.qkv']));
    const kept = (): number => {
      let nodes = 0;
      train(everywhere, images(), () => {
        nodes = tf.engine().state.activeTape.length;
      });
      return nodes;
    };
    const all = kept();
    everywhere.model.setTrainable(path => path.includes(block(3)));
    everywhere.parameters = [...everywhere.model.trainable()].map(([, parameter]) => parameter);
    expect(kept()).toBeLessThan(0.45 * all);
    expect(splitFeatures(everywhere.backbone, everywhere.parameters).name).toBe(block(0)); // it was adapted, if not trained
  });

  test('checkpointed, it gives the same loss and gradients with less memory', async () => {
    const trained = await adapted(create, lowRank(['attn.qkv', 'mlp.fc1']));
    setDropPath(trained.backbone, 0.3);
    const peak = async (): Promise<[number, number[]]> => {
      const before = tf.memory().numBytes;
      const { peakBytes, result } = await tf.profile(() => train(trained, images()));
      return [peakBytes - before, [...(await (result as tf.Tensor).data())]];
    };
    const [plainBytes, plain] = await peak();
    trained.backbone.checkpointing = true;
    const [bytes, values] = await peak();
    expect(values.every(Number.isFinite)).toBe(true);
    expect(maxDifference(values, plain)).toBeLessThan(1e-6);
    expect(bytes).toBeLessThan(0.75 * plainBytes);
  });

  test('can be cut below its lowest adapter: the same loss and gradients from features', async () => {
    for (const [method, name] of [
      [onBlock(2), block(2)],
      [trainModules({ modulesToSave: create().classifiers.slice() }), 'head'],
    ] as const) {
      const trained = await adapted(create, method);
      const split = splitFeatures(trained.backbone, trained.parameters);
      expect(split.name).toBe(name);
      const features = split.before(images());
      const after = { ...trained, model: { call: split.after } };
      const [whole, cut] = [train(trained, images()), train(after, features)];
      expect(maxDifference(await cut.data(), await whole.data())).toBe(0);
      expect(trained.model.call(images()).shape).toEqual([2, 5]);
    }
  });

  test('is not cut where features would change', async () => {
    const everything = await adapted(create, trainModules({ modulesToSave: ['*'] }));
    expect(() => splitFeatures(everything.backbone, everything.parameters)).toThrow(/"embed", is itself adapted/);
    const last = await adapted(create, onBlock(3));
    expect(() => splitFeatures(last.backbone, [])).not.toThrow();
    setDropPath(last.backbone, 0.3);
    expect(() => splitFeatures(last.backbone, last.parameters)).toThrow(/drops paths at a rate of 0\.1/);
    const bare = initialize(create(), key(0));
    expect(() => splitFeatures(bare, [])).toThrow(/nothing of the backbone is adapted/);
  });
});
