import {
  type AdaptedModel,
  type Adapter,
  adaptformer,
  fold,
  getModule,
  key,
  type Linear,
  type Parameter,
  type PictureBatch,
  softmaxCrossEntropy,
} from '@peft/core';
import { drawNormal, valueAndGrads } from '@peft/core/engine';
import { lora } from '@peft/lora';
import { tensorOf } from '@peft/testing';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { difference } from '../src/interop.ts';
import { pythonMissing } from '../src/python.ts';
import { adapterSpecs, type ReferenceScores, ScoreCase } from '../src/scores.ts';

const lossOf = (model: AdaptedModel, { images, labels }: PictureBatch): tf.Scalar =>
  tf.mean(softmaxCrossEntropy(model.call(tensorOf(images)), tensorOf(labels)));

async function losses(model: AdaptedModel, batches: readonly PictureBatch[]): Promise<number[]> {
  const read = async (batch: PictureBatch): Promise<number> => {
    const loss = tf.tidy(() => lossOf(model, batch));
    const [value] = await loss.data();
    loss.dispose();
    return value;
  };
  return Promise.all(batches.map(read));
}

const sum = (values: Iterable<number>): number => [...values].reduce((total, value) => total + value, 0);

/** For each batch and matrix `[rows, columns]`: value times derivative, summed over each of `heads` groups of columns. */
function byGradients(
  model: AdaptedModel,
  matrices: readonly Parameter[],
  heads: readonly number[],
  batches: readonly PictureBatch[],
): Promise<Float32Array[][]> {
  const contributions = batches.map(batch =>
    tf.tidy(() => {
      const variables = matrices.map(({ value }) => value);
      const { grads } = valueAndGrads(() => lossOf(model, batch), variables);
      return variables.map((value, i) => {
        const [rows, columns] = value.shape;
        return tf.sum(tf.reshape(tf.mul(value, grads[i]!), [rows, heads[i], columns / heads[i]]), [0, 2]);
      });
    }),
  );
  const read = async (tensor: tf.Tensor) => Float32Array.from(await tensor.data());
  return Promise.all(contributions.map(tensors => Promise.all(tensors.map(read))));
}

const single = ({ images, labels }: PictureBatch): PictureBatch[] =>
  [...labels.data].map((label, i) => ({
    images: { data: images.data.slice(i * 16 * 16 * 3, (i + 1) * 16 * 16 * 3), shape: [1, 16, 16, 3] },
    labels: { data: Int32Array.of(label), shape: [1] },
  }));

/** Runs `body` with columns `start` to `end` of a matrix, or of a vector, multiplied by `factor`. */
async function scaled<T>(
  params: readonly [Parameter, start: number][],
  width: number,
  factor: number,
  body: () => Promise<T>,
): Promise<T> {
  const before = await Promise.all(params.map(([parameter]) => parameter.get()));
  for (const [i, [parameter, start]] of params.entries()) {
    const columns = parameter.shape.at(-1)!;
    const isScaled = (at: number): boolean => at % columns >= start && at % columns < start + width;
    parameter.set(before[i].map((value, at) => (isScaled(at) ? factor * value : value)));
  }
  const result = await body();
  for (const [i, [parameter]] of params.entries()) parameter.set(before[i]);
  return result;
}

const title = `HEAT's and Pear's scores by PyTorch${pythonMissing ? ` (skipped: ${pythonMissing})` : ''}`;
describe.skipIf(pythonMissing)(title, () => {
  describe.each(['vit', 'swin'] as const)('of a random %s', kind => {
    let on: ScoreCase;
    let model: AdaptedModel;
    let pairs: Adapter;
    let found: ReferenceScores;
    beforeAll(async () => {
      on = await ScoreCase.make(kind);
      model = await on.open();
      pairs = await model.add('pairs', lora({ targets: ['attn.qkv[q,v]'], r: 3, alpha: 1.5 }), { key: key(1) });
      const beside = await model.add('beside', adaptformer({ targets: ['mlp'], r: 4, scale: 0.7 }), { key: key(2) });
      model.use(['pairs', 'beside']);
      for (const adapter of [pairs, beside]) {
        for (const [path, parameter] of adapter.parameters()) {
          parameter.set(drawNormal(fold(key(3), path), parameter.size).map(value => 0.3 * value));
        }
      }
      found = on.score({
        adapters: [...(await adapterSpecs(pairs, 'lowrank', 0.5)), ...(await adapterSpecs(beside, 'bottleneck', 0.7))],
        heat: {
          sources: ['activation', 'delta'],
          components: ['q', 'k', 'logits', 'attention', 'v', 'output'],
          masks: [
            { strategy: 'q', scope: 'global', ne: 1 },
            { strategy: 'v', scope: 'layer', ratio: 0.5, source: 'delta' },
            { strategy: 'q', scope: 'allHeads', ratio: 0.5, aggregation: 'sample' },
            { strategy: 'qv', scope: 'layer', ratio: 0.5 },
          ],
        },
        pear: { plans: [] },
      });
    });
    afterAll(() => on.dispose());

    test('the model with its adapters is the same in both', async () => {
      expect(difference(await losses(model, on.batches), found.losses)).toBeLessThan(1e-5);
    });

    test('gates that must agree do: queries, keys and logits; attention, values and outputs', () => {
      for (const { q, k, logits, attention, v, output } of Object.values(found.heat.scores.activation)) {
        for (const aggregation of ['batch', 'sample', 'none', 'square'] as const) {
          expect(difference(k[aggregation], q[aggregation])).toBeLessThan(1e-12);
          expect(difference(logits[aggregation], q[aggregation])).toBeLessThan(1e-12);
          expect(difference(attention[aggregation], v[aggregation])).toBeLessThan(1e-12);
          expect(difference(output[aggregation], v[aggregation])).toBeLessThan(1e-12);
        }
      }
    });

    test('a signed score is how the loss changes when a head is scaled here', async () => {
      for (const [path, { q, v }] of Object.entries(found.heat.scores.activation)) {
        const { weight, bias } = getModule(model.base, `${path}.qkv`) as Linear;
        const heads = q.none.length;
        const features = weight.shape[0];
        const width = features / heads;
        const head = heads - 1;
        for (const [name, scores] of Object.entries({ q, v })) {
          const start = 'qkv'.indexOf(name) * features + head * width;
          const B = pairs.plan.parameters.get(`${path}.qkv[${name}].B`)!;
          const lossAt = (factor: number): Promise<number> =>
            scaled(
              [
                [weight, start],
                [bias!, start],
                [B, head * width],
              ],
              width,
              factor,
              async () => sum(await losses(model, on.batches)),
            );
          const slope = ((await lossAt(1.002)) - (await lossAt(0.998))) / 0.004;
          expect(Math.abs(slope - scores.none[head])).toBeLessThan(5e-4 + 1e-3 * Math.abs(slope));
        }
      }
    });

    test('a score of a delta is the gradient of its factor here, by head, by sample and as a whole', async () => {
      const targets = Object.entries(found.heat.scores.delta).flatMap(([path, { q, v }]) => [
        { id: `${path}.qkv[q]`, scores: q },
        { id: `${path}.qkv[v]`, scores: v },
      ]);
      const matrices = targets.map(({ id }) => pairs.plan.parameters.get(`${id}.B`)!);
      const heads = targets.map(({ scores }) => scores.batch.length);
      const batches = await byGradients(model, matrices, heads, on.batches);
      const samples = await Promise.all(on.batches.map(batch => byGradients(model, matrices, heads, single(batch))));
      for (const [i, { id, scores }] of targets.entries()) {
        const tolerance = 1e-3 * Math.max(...scores.sample);
        const byBatch = scores.batch.map((_, head) => sum(batches.map(batch => Math.abs(batch[i][head]))));
        expect(difference(byBatch, scores.batch)).toBeLessThan(tolerance);
        const bySample = scores.sample.map((_, head) =>
          sum(samples.map(batch => sum(batch.map(sample => Math.abs(sample[i][head]))) / batch.length)),
        );
        expect(difference(bySample, scores.sample)).toBeLessThan(tolerance);
        const whole = Math.abs(sum(batches.map(batch => sum(batch[i]))));
        expect(Math.abs(whole - found.pear.scores[id].taylor)).toBeLessThan(tolerance);
      }
    });

    test("an adapter's score is that of each of its factors", () => {
      for (const { taylor, parameters } of Object.values(found.pear.scores)) {
        expect(parameters.A / taylor).toBeCloseTo(1, 8);
        expect(parameters.B / taylor).toBeCloseTo(1, 8);
      }
    });

    test('what is summed before it loses its sign can cancel', () => {
      for (const { q, v } of Object.values(found.heat.scores.activation)) {
        for (const { batch, sample, none, square } of [q, v]) {
          expect(sum(sample)).toBeGreaterThan(sum(batch));
          for (const [head, score] of batch.entries()) {
            const atMost = score * (1 + 1e-12);
            expect(atMost).toBeLessThanOrEqual(sample[head] * (1 + 1e-11));
            expect(Math.abs(none[head])).toBeLessThanOrEqual(atMost);
            expect(Math.sqrt(square[head])).toBeLessThanOrEqual(atMost);
          }
        }
      }
    });

    test('masks turn off the smallest scores of a stage, a layer, or all layers', () => {
      const [global, layer, all, both] = found.heat.masks;
      const { activation, delta } = found.heat.scores;
      const stageOf = (path: string): string => path.slice(0, path.indexOf('blocks'));
      const worstOff = (scores: number[], off: number[]): number => Math.max(...off.map(head => scores[head]));
      const bestOn = (scores: number[], off: number[]): number =>
        Math.min(...scores.filter((_, head) => !off.includes(head)));
      for (const path of Object.keys(activation)) {
        const stage = Object.keys(activation).filter(other => stageOf(other) === stageOf(path));
        const sums = activation[path].q.batch.map((_, head) => sum(stage.map(at => activation[at].q.batch[head])));
        expect(global[path]).toHaveLength(1);
        expect(sums[global[path][0]]).toBe(Math.min(...sums));

        const scores = delta[path].v.batch;
        expect(layer[path]).toHaveLength(Math.floor(scores.length / 2));
        expect(worstOff(scores, layer[path])).toBeLessThan(bestOn(scores, layer[path]));

        const { q, v } = activation[path];
        const together = q.batch.map((_, head) => q.batch[head] / sum(q.batch) + v.batch[head] / sum(v.batch));
        expect(both[path]).toHaveLength(Math.floor(scores.length / 2));
        expect(worstOff(together, both[path])).toBeLessThan(bestOn(together, both[path]));
      }
      const paths = Object.keys(activation);
      const sample = (path: string): number[] => activation[path].q.sample;
      const free = paths.filter(path => all[path].length < sample(path).length - 1);
      expect(sum(paths.map(path => all[path].length))).toBe(sum(paths.map(path => sample(path).length)) / 2);
      for (const path of paths) {
        expect(all[path].length).toBeLessThan(sample(path).length);
        const worst = worstOff(sample(path), all[path]);
        for (const other of free) expect(bestOn(sample(other), all[other])).toBeGreaterThan(worst);
      }
    });
  });
});
