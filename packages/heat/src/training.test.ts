import type { Backbone } from '@peft/backbones';
import {
  adaptformer,
  attachAdapterFolder,
  type Linear,
  modules,
  patch,
  readAdapterFolder,
  softmaxCrossEntropy,
  writeAdapterFolder,
} from '@peft/core';
import { gateGradients } from '@peft/core/engine';
import type { Stage } from '@peft/core/method';
import { difference, follow, run, tensorOf } from '@peft/testing';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, test } from 'vitest';
import { found, modelOf, type Name, setUp, source } from '../test/tiny.ts';
import { type HeatOptions, heat, type Strategy } from './index.ts';

const names: Name[] = ['vit', 'swin'];
const layers: Record<Name, string[]> = {
  vit: ['blocks.0.attn', 'blocks.1.attn'],
  swin: [0, 1].flatMap(stage => [0, 1].map(block => `layers.${stage}.blocks.${block}.attn`)),
};
const withHead: HeatOptions = { ne: 1, r: 2, modulesToSave: ['head'] };

const { images, labels } = source.batch(0, 0);
const pictures = (): tf.Tensor => tensorOf(images);

/** The scores of a method whose stage comes first, by layer. */
async function scoresOf(name: Name, options: HeatOptions) {
  const { model, trainer } = await setUp(name, heat({ r: 2, ne: 1, ...options }), { steps: 1 });
  await follow(trainer);
  return found(model).scores!;
}

describe.each(names)('on a %s', name => {
  test('the head learns first, then the heads are scored, and the rest trains masked', async () => {
    const { model, trainer } = await setUp(name, heat(withHead), { epochs: 10 });
    const paths = (): string[] => [...model.trainable()].map(([path]) => path);
    expect(paths().map(path => path.replace('.fc', ''))).toEqual(['default/head.weight', 'default/head.bias']);
    const { losses, stages } = await follow(trainer);
    expect(stages).toEqual([{ adapter: 'default', stage: 'head scoring', step: 3 }]);
    expect(losses.at(-1)).toBeLessThan(0.7 * losses[0]);
    const { off, scores } = found(model);
    expect(Object.keys(off!)).toEqual(layers[name]);
    expect(Object.keys(scores!)).toEqual(layers[name]);
    for (const { q, v } of Object.values(scores!)) for (const score of [...q!, ...v!]) expect(score).toBeGreaterThan(0);
    expect(paths()).toContain(`default/${layers[name][0]}.qkv[q].B`);
    const { targets, byTarget } = model.get('default').plan;
    for (const [i, { outFeatures, module }] of targets.entries()) {
      expect(byTarget[i].parameters.B.shape).toEqual([2, outFeatures - outFeatures / module.heads!]);
    }
  });

  test('what is off adds nothing to its head, and merging is exact', async () => {
    const { model, trainer } = await setUp(name, heat(withHead));
    await follow(trainer);
    const [attached] = model.get('default').attachedTargets;
    const width = attached.target.outFeatures / attached.target.module.heads!;
    const [off] = found(model).off![layers[name][0]] as number[];
    const delta = model.get('default').method.deltaWeight!({
      target: attached.target,
      parameters: { A: attached.parameters.A.whole, B: attached.parameters.B.whole },
      weight: () => tf.zeros([attached.target.inFeatures, attached.target.outFeatures]),
    });
    const sums = await tf.sum(tf.abs(tf.reshape(delta, [attached.target.inFeatures, -1, width])), [0, 2]).data();
    expect([...sums].map(sum => sum === 0)).toEqual([...sums].map((_, head) => head === off));
    const adapted = await run(model, pictures);
    model.merge();
    expect(difference(await run(model, pictures), adapted)).toBeLessThan(1e-4);
  });

  test('a run goes on bit by bit from a checkpoint, before and after each score pass', async () => {
    const options: HeatOptions = { ...withHead, refreshEvery: 1 };
    const whole = await setUp(name, heat(options));
    const { losses, stages } = await follow(whole.trainer);
    expect(stages.map(({ step }) => step)).toEqual([2, 5, 8]);
    const bytes = await whole.trainer.checkpoint();
    for (const at of [1, 2, 6]) {
      const first = await setUp(name, heat(options));
      const before = await follow(first.trainer, at);
      const saved = await first.trainer.checkpoint();
      const second = await setUp(name, heat(options));
      await second.trainer.restore(saved);
      const after = await follow(second.trainer);
      expect([...before.losses, ...after.losses]).toEqual(losses);
      expect(await second.trainer.checkpoint()).toEqual(bytes);
    }
  });

  test('with no heads off it is the method that it acts on, bit by bit', async () => {
    const pair: Partial<Parameters<typeof adaptformer>[0]> = {
      targets: ['attn.qkv[q,v]'],
      r: 2,
      act: 'identity',
      modulesToSave: ['head'],
    };
    const alone = await setUp(name, adaptformer(pair));
    const masked = await setUp(name, heat({ ...withHead, ne: 0, probeHeadEpochs: 0 }));
    expect((await follow(masked.trainer)).losses).toEqual((await follow(alone.trainer)).losses);
  });

  test('gates of queries score as gates of keys do', async () => {
    const [onQ, onK] = await Promise.all(
      ['q', 'k'].map(slice => scoresOf(name, { targets: [`attn.qkv[${slice}]`], strategy: 'q' })),
    );
    for (const layer of layers[name]) {
      const largest = Math.max(...onQ[layer].q!);
      expect(difference(onQ[layer].q!, onK[layer].q!)).toBeLessThan(1e-3 * largest);
    }
  });

  test('gates of values have the derivatives of gates of the heads themselves', async () => {
    const model = await modelOf(name, heat({ r: 2, ne: 1 }));
    const adapter = model.get('default');
    const loss = (): tf.Scalar => tf.mean(softmaxCrossEntropy(model.call(pictures()), tensorOf(labels)));
    for (const path of layers[name]) {
      const proj = [...modules(model.base)].find(([at]) => at === `${path}.proj`)![1] as Linear;
      const qkv = adapter.plan.targets.find(({ id }) => id === `${path}.qkv[v]`)!;
      const heads = qkv.module.heads!;
      const onHeads = tf.tidy(() =>
        tf.grad((gates: tf.Tensor) => {
          const spread = tf.reshape(tf.mul(tf.reshape(gates, [heads, 1]), tf.ones([1, qkv.outFeatures / heads])), [-1]);
          const undo = patch(proj, { input: x => tf.mul(x, spread) });
          try {
            return loss();
          } finally {
            undo();
          }
        })(tf.ones([heads])),
      );
      const onValues = tf.tidy(() => {
        const gradients = gateGradients(model, adapter, adapter.method.stage as Stage, 4, loss);
        return tf.sum(gradients[qkv.id], 0);
      });
      const [expected, values] = [await onHeads.data(), await onValues.data()];
      expect(difference(values, expected)).toBeLessThan(1e-3 * Math.max(...expected.map(Math.abs)));
    }
  });

  test('checkpointing gives the same derivatives of gates, and keeps fewer tensors', async () => {
    const model = await modelOf(name, heat({ r: 2, ne: 1 }));
    const adapter = model.get('default');
    let kept = 0;
    const loss = (): tf.Scalar => {
      const before = tf.memory().numTensors;
      const value = tf.mean(softmaxCrossEntropy(model.call(pictures()), tensorOf(labels))) as tf.Scalar;
      kept = tf.memory().numTensors - before;
      return value;
    };
    const derivatives = async (checkpointing: boolean) => {
      (model.base as Backbone).checkpointing = checkpointing;
      const gradients = tf.tidy(() => gateGradients(model, adapter, adapter.method.stage as Stage, 4, loss));
      const values = await Promise.all(Object.values(gradients).map(async gradient => [...(await gradient.data())]));
      tf.dispose(gradients);
      return { values: values.flat(), kept };
    };
    const [plain, checkpointed] = [await derivatives(false), await derivatives(true)];
    expect(difference(checkpointed.values, plain.values)).toBeLessThan(1e-6);
    expect(Math.max(...plain.values.map(Math.abs))).toBeGreaterThan(1e-3);
    expect(checkpointed.kept).toBeLessThan(0.7 * plain.kept);
  });
});

describe('the score pass', () => {
  test('sums what the options say over its batches', async () => {
    const q = async (options: HeatOptions): Promise<readonly number[]> =>
      (await scoresOf('vit', { strategy: 'q', ...options }))['blocks.1.attn'].q!;
    const [batch, sample, signed, square] = await Promise.all(
      (['batch', 'sample', 'none', 'square'] as const).map(aggregation => q({ aggregation })),
    );
    const one = await Promise.all(
      (['batch', 'none', 'square'] as const).map(aggregation => q({ aggregation, scoreBatches: 1 })),
    );
    for (const head of batch.keys()) {
      expect(sample[head]).toBeGreaterThanOrEqual(batch[head]);
      expect(batch[head]).toBeGreaterThanOrEqual(Math.abs(signed[head]));
      expect(one[0][head]).toBeCloseTo(Math.abs(one[1][head]), 12);
      expect(one[2][head]).toBeCloseTo(one[1][head] ** 2, 12);
      expect(batch[head]).toBeGreaterThan(one[0][head]);
      expect(square[head]).toBeGreaterThan(one[2][head]);
    }
    expect(sample).not.toEqual(batch);
  });

  test('may come after the deltas have learnt, and then score them alone', async () => {
    const { model, trainer } = await setUp('vit', heat({ ...withHead, warmEpochs: 1, scoreOn: 'delta' }));
    expect([...model.trainable()].length).toBe(10);
    expect((await follow(trainer)).stages.map(({ step }) => step)).toEqual([3]);
    const { scores } = found(model);
    const whole = await setUp('vit', heat({ ...withHead, warmEpochs: 1 }));
    await follow(whole.trainer);
    for (const layer of layers.vit) {
      for (const score of scores![layer].q!) expect(score).toBeGreaterThan(0);
      expect(scores![layer].q).not.toEqual(found(whole.model).scores![layer].q);
    }
  });

  test('keeps the values of heads that stay on, and starts at zero those that come on', async () => {
    const heads = (a: number[], b: number[]): Strategy => {
      let calls = 0;
      return {
        name: 'mine',
        components: ['v'],
        combine: () => (calls++ < 2 ? a : b),
      };
    };
    const strategy = heads([0, 1, 2, 3], [1, 1, 0, 1]); // head 0 off, then head 2
    const { model, trainer } = await setUp('vit', heat({ ...withHead, strategy, refreshEvery: 1 }), { epochs: 2 });
    const B = async (): Promise<number[][]> => {
      const { parameters } = model.get('default').plan;
      const values = [...(await parameters.get('blocks.0.attn.qkv[v].B')!.get())];
      return [0, 4, 8].map(start => [0, 12].flatMap(row => values.slice(row + start, row + start + 4)));
    };
    let before: number[][] = [];
    for await (const event of trainer.run()) {
      if (event.type === 'step' && event.step === 4) before = await B();
      if (event.type === 'stage' && event.step === 4) break;
    }
    expect(found(model).off).toEqual({ 'blocks.0.attn': [2], 'blocks.1.attn': [2] });
    expect(before.flat().every(value => value !== 0)).toBe(true);
    expect(await B()).toEqual([new Array(8).fill(0), before[0], before[2]]);
  });

  test('is left out for heads at random, which depend on the seed alone', async () => {
    const offOf = async (seed: number) => {
      const { model, trainer } = await setUp('swin', heat({ r: 2, ratio: 0.5, strategy: 'random', seed }), {
        steps: 1,
      });
      await follow(trainer);
      return found(model).off;
    };
    expect(await offOf(1)).toEqual(await offOf(1));
    expect(await offOf(1)).not.toEqual(await offOf(2));
  });

  test('can give queries and values masks of their own', async () => {
    const { model, trainer } = await setUp('vit', heat({ ...withHead, separateMasks: true, scope: 'layer' }));
    await follow(trainer);
    const { off, scores } = found(model);
    for (const layer of layers.vit) {
      const smallest = (list: readonly number[]): number[] => [list.indexOf(Math.min(...list))];
      expect(off![layer]).toEqual({ q: smallest(scores![layer].q!), v: smallest(scores![layer].v!) });
    }
  });

  test('turns the same heads off in all layers of a ViT, and each layer of its own on a Swin', async () => {
    const { model, trainer } = await setUp('vit', heat(withHead));
    await follow(trainer);
    const [first, second] = Object.values(found(model).off!);
    expect(second).toEqual(first);
    const swin = await setUp('swin', heat({ ...withHead, ne: undefined, ratio: 0.5 }));
    await follow(swin.trainer);
    expect(Object.values(found(swin.model).off!).map(heads => (heads as number[]).length)).toEqual([1, 1, 2, 2]);
  });
});

test('whole heads can be taken out: nothing of them is read, and merging is exact', async () => {
  const { model, trainer } = await setUp('vit', heat({ ...withHead, maskTarget: 'output', scope: 'layer' }));
  await follow(trainer);
  const adapted = await run(model, pictures);
  for (const path of layers.vit) {
    const [off] = found(model).off![path] as number[];
    const qkv = [...modules(model.base)].find(([at]) => at === `${path}.qkv`)![1] as Linear;
    const start = await qkv.weight.get();
    const v = 32 + 4 * off;
    qkv.weight.set(start.map((value, i) => (i % 48 >= v && i % 48 < v + 4 ? 7 : value)));
    expect(difference(await run(model, pictures), adapted)).toBeLessThan(1e-5);
    qkv.weight.set(start);
  }
  model.merge();
  expect(difference(await run(model, pictures), adapted)).toBeLessThan(1e-4);
  model.unmerge();
  const again = await modelOf('vit');
  await attachAdapterFolder(again, readAdapterFolder(await writeAdapterFolder(model), 'folder', [heat]));
  expect(await run(again, pictures)).toEqual(adapted);
});

test('a strategy of the user has its say, and its adapter is read where the strategy is unknown', async () => {
  const last: Strategy = {
    name: 'last',
    components: ['v'],
    combine: ({ v = [] }, { heads }) => v.map((_, head) => heads - head),
  };
  const { model, trainer } = await setUp('vit', heat({ ...withHead, strategy: last, refreshEvery: 2 }));
  await follow(trainer);
  expect(model.get('default').method.config).toMatchObject({ strategy: 'last' });
  expect(found(model).off).toEqual({ 'blocks.0.attn': [3], 'blocks.1.attn': [3] });
  const again = await modelOf('vit');
  await attachAdapterFolder(again, readAdapterFolder(await writeAdapterFolder(model), 'folder', [heat]));
  expect(found(again)).toEqual(found(model));
  const stage = again.get('default').method.stage!;
  expect(() => stage.gate!(again.get('default').plan.targets[0], again.get('default').plan.targets)).toThrow(
    'to score anew, strategy "last" is needed as a value',
  );
});

test('a run leaves no tensor behind', async () => {
  const { model, trainer } = await setUp('vit', heat({ ...withHead, warmEpochs: 1, refreshEvery: 1 }));
  const before = tf.memory().numTensors;
  await follow(trainer);
  await trainer.dispose();
  expect(tf.memory().numTensors).toBe(before - 2); // the optimizer's moments
  model.dispose();
  expect(tf.memory().numTensors).toBe(before - 2 - 10); // the adapter's tensors
});
