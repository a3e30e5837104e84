import {
  type AdaptedModel,
  adapt,
  attachAdapterFolder,
  disposeModule,
  key,
  Linear,
  modules,
  parameters,
  readAdapterFolder,
  saveState,
  writeAdapterFolder,
} from '@peft/core';
import { hostRandom, valueAndGrads, withScope } from '@peft/core/engine';
import { lora } from '@peft/lora';
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { describe, expect, test } from 'vitest';
import { wrapLayersModel } from './index.ts';

const { initializers } = tfl;

/** TensorFlow.js draws from the clock unless each initializer has a seed. */
const seed = 7;
const kernelInitializer = initializers.glorotUniform({ seed });
const recurrentInitializer = initializers.glorotNormal({ seed });
const embeddingsInitializer = initializers.randomUniform({ minval: -0.05, maxval: 0.05, seed });

/** The layers of TensorFlow.js, those that draw values with a seed. */
const layers = {
  ...tfl.layers,
  conv2d: (config: Parameters<typeof tfl.layers.conv2d>[0]) => tfl.layers.conv2d({ kernelInitializer, ...config }),
  dense: (config: Parameters<typeof tfl.layers.dense>[0]) => tfl.layers.dense({ kernelInitializer, ...config }),
  simpleRNN: (config: Parameters<typeof tfl.layers.simpleRNN>[0]) =>
    tfl.layers.simpleRNN({ kernelInitializer, recurrentInitializer, ...config }),
  embedding: (config: Parameters<typeof tfl.layers.embedding>[0]) =>
    tfl.layers.embedding({ embeddingsInitializer, ...config }),
};

/** A small picture classifier of the usual layers. */
function pictures(): tfl.Sequential {
  return tfl.sequential({
    layers: [
      layers.conv2d({ name: 'conv', inputShape: [6, 6, 2], filters: 3, kernelSize: 3, activation: 'relu' }),
      layers.batchNormalization({ name: 'bn' }),
      layers.maxPooling2d({ name: 'pool', poolSize: 2 }),
      layers.flatten({ name: 'flat' }),
      layers.dense({ name: 'fc1', units: 7, activation: 'tanh' }),
      layers.dropout({ name: 'drop', rate: 0.5 }),
      layers.dense({ name: 'fc2', units: 5, activation: 'elu' }),
      layers.dense({ name: 'out', units: 3 }),
      layers.activation({ name: 'soft', activation: 'softmax' }),
    ],
  });
}

/** A residual network with a shared layer and a model inside. */
function residual(): tfl.LayersModel {
  const inner = tfl.sequential({
    name: 'inner',
    layers: [layers.dense({ name: 'fc', units: 4, inputShape: [4], useBias: false })],
  });
  const shared = layers.dense({ name: 'shared', units: 4, activation: 'relu' });
  const input = tfl.input({ shape: [4] });
  const once = shared.apply(input) as tfl.SymbolicTensor;
  const twice = shared.apply(inner.apply(once)) as tfl.SymbolicTensor;
  const sum = layers.add({ name: 'sum' }).apply([once, twice, input]) as tfl.SymbolicTensor;
  const norm = layers.layerNormalization({ name: 'norm' }).apply(sum) as tfl.SymbolicTensor;
  const output = layers.dense({ name: 'head', units: 2, activation: 'softmax' }).apply(norm) as tfl.SymbolicTensor;
  return tfl.model({ inputs: input, outputs: output });
}

/** Recurrent layers and an embedding, which take part as they are. */
function sentences(): tfl.Sequential {
  return tfl.sequential({
    layers: [
      layers.embedding({ name: 'words', inputDim: 9, outputDim: 4, inputLength: 5 }),
      layers.dense({ name: 'each', units: 3 }),
      layers.bidirectional({
        name: 'both',
        layer: layers.simpleRNN({ units: 2 }),
        mergeMode: 'concat',
      }),
      layers.dense({ name: 'out', units: 2, useBias: false }),
    ],
  });
}

const numbers = (shape: number[]): tf.Tensor =>
  tf.reshape(tf.sin(tf.range(1, 1 + tf.util.sizeFromShape(shape))), shape);

const cases: [string, () => tfl.LayersModel, () => tf.Tensor, string[]][] = [
  ['sequential', pictures, () => numbers([4, 6, 6, 2]), ['fc1', 'fc2', 'out']],
  ['functional', residual, () => numbers([4, 4]), ['shared', 'inner.fc', 'head']],
  ['recurrent', sentences, () => tf.tensor2d([0, 1, 2, 3, 4, 8, 7, 6, 5, 4], [2, 5], 'int32'), ['each', 'out']],
  [
    'nested first',
    () => tfl.sequential({ layers: [pictures(), layers.dense({ name: 'last', units: 2 })] }),
    () => numbers([4, 6, 6, 2]),
    [],
  ],
];

function difference(a: readonly number[], b: readonly number[]): number {
  expect(a.length).toBe(b.length);
  return Math.max(...a.map((value, i) => Math.abs(value - b[i])));
}

const values = async (t: tf.Tensor): Promise<number[]> => [...(await t.data())];
const predicted = (model: tfl.LayersModel, x: tf.Tensor): Promise<number[]> => values(model.predict(x) as tf.Tensor);
const weights = (model: tfl.LayersModel): Promise<number[][]> => Promise.all(model.getWeights().map(values));

/** Moves every tensor of an adapter away from its start. */
async function move(model: AdaptedModel): Promise<void> {
  for (const [, parameter] of model.get('default').parameters()) {
    parameter.set((await parameter.get()).map((value, i) => value + 0.5 * Math.cos(i)));
  }
}

describe.each(cases)('a %s model', (_, build, input, dense) => {
  const options = { targets: 'all-linear', r: 2 };

  test('computes the same output, with Dense layers under their names', async () => {
    const model = build();
    const wrapped = wrapLayersModel(model);
    const x = input();
    expect(difference(await values(wrapped.call(x)), await predicted(model, x))).toBeLessThan(1e-6);
    const linears = [...modules(wrapped)].flatMap(([path, module]) => (module instanceof Linear ? [path] : []));
    if (dense.length > 0) expect(linears).toEqual(dense);
    const count = [...parameters(wrapped)].reduce((sum, [, { size }]) => sum + size, 0);
    expect(count).toBe(model.countParams());
  });

  test('a new adapter keeps the output; a disabled one keeps it exactly', async () => {
    const x = input();
    const wrapped = wrapLayersModel(build());
    const before = await values(wrapped.call(x));
    const model = adapt(wrapped);
    await model.add('default', lora({ ...options, targets: '.*(fc|fc1|fc2|shared|each|head|out|last)' }), {
      key: key(1),
    });
    expect(difference(await values(model.call(x)), before)).toBeLessThan(1e-6);
    await move(model);
    expect(difference(await values(model.call(x)), before)).toBeGreaterThan(1e-3);
    model.enabled = false;
    expect(await values(model.call(x))).toEqual(before);
  });

  test("merge changes the LayersModel's own predictions, and unmerge restores them", async () => {
    const [layersModel, x] = [build(), input()];
    const [before, kept] = [await predicted(layersModel, x), await weights(layersModel)];
    const model = adapt(wrapLayersModel(layersModel));
    await model.add('default', lora(options), { key: key(1) });
    await move(model);
    const adapted = await values(model.call(x));
    expect(await predicted(layersModel, x)).toEqual(before);
    model.merge();
    expect(difference(await predicted(layersModel, x), adapted)).toBeLessThan(1e-4);
    expect(difference(adapted, before)).toBeGreaterThan(1e-3);
    model.unmerge();
    expect(await weights(layersModel)).toEqual(kept);
  });

  test('training changes only the adapter and leaks no tensors', async () => {
    const [layersModel, x] = [build(), input()];
    const kept = await weights(layersModel);
    const model = adapt(wrapLayersModel(layersModel));
    await model.add('default', lora(options), { key: key(1) });
    const variables = [...model.trainable()].map(([, parameter]) => parameter.value);
    const target = tf.softmax(tf.mul(numbers(model.call(x).shape), 2));
    const losses: number[] = [];
    const tensors = tf.memory().numTensors;
    for (let step = 0; step < 30; step++) {
      const loss = () => tf.mean(tf.squaredDifference(model.call(x), target)) as tf.Scalar;
      const { value, grads } = valueAndGrads(loss, variables);
      for (const [i, variable] of variables.entries()) {
        const grad = grads[i];
        if (grad) tf.tidy(() => variable.assign(tf.sub(variable, grad)));
        grad?.dispose();
      }
      losses.push((await value.data())[0]);
      value.dispose();
    }
    expect(losses.at(-1)).toBeLessThan(0.9 * losses[0]);
    expect(tf.memory().numTensors).toBe(tensors);
    expect(await weights(layersModel)).toEqual(kept);
  });

  test('saves and loads its adapter', async () => {
    const [layersModel, x] = [build(), input()];
    const model = adapt(wrapLayersModel(layersModel));
    await model.add('default', lora(options), { key: key(1) });
    await move(model);
    const again = adapt(wrapLayersModel(layersModel));
    const files = await writeAdapterFolder(model);
    await attachAdapterFolder(again, readAdapterFolder(files, 'folder', [lora]));
    expect(await values(again.call(x))).toEqual(await values(model.call(x)));
  });
});

test('Dropout is active in training, with random numbers of the scope; batch statistics stay', async () => {
  const layersModel = pictures();
  const wrapped = wrapLayersModel(layersModel);
  const x = numbers([4, 6, 6, 2]);
  const train = (seed: number) =>
    values(withScope({ training: true, random: hostRandom(key(seed)) }, () => wrapped.call(x)));
  const kept = await weights(layersModel);
  expect(await train(1)).toEqual(await train(1));
  expect(await train(1)).not.toEqual(await train(2));
  expect(await weights(layersModel)).toEqual(kept);
});

test("all-linear skips the model's classifier, also inside a nested model", () => {
  expect(wrapLayersModel(pictures()).classifiers).toEqual(['out']);
  expect(wrapLayersModel(residual()).classifiers).toEqual(['head']);
  const nested = pictures();
  const outer = tfl.sequential({ layers: [nested, layers.activation({ activation: 'linear' })] });
  expect(wrapLayersModel(outer).classifiers).toEqual([`${nested.name}.out`]);
});

test('disposing of the modules does not dispose of the LayersModel', async () => {
  const layersModel = pictures();
  const x = numbers([1, 6, 6, 2]);
  const before = await predicted(layersModel, x);
  const wrapped = wrapLayersModel(layersModel);
  expect((await saveState(wrapped)).get('fc1.weight')?.shape).toEqual([7, 12]);
  disposeModule(wrapped);
  expect(await predicted(layersModel, x)).toEqual(before);
});

test.each<[string, () => tfl.LayersModel, string, string]>([
  [
    'two inputs',
    () => {
      const inputs = [tfl.input({ shape: [2] }), tfl.input({ shape: [2] })];
      return tfl.model({ inputs, outputs: layers.add().apply(inputs) as tfl.SymbolicTensor });
    },
    'not-supported',
    'has 2 inputs and 1 outputs',
  ],
  ['nothing in it', () => tfl.sequential(), 'state', 'is not built'],
  [
    'a stateful layer',
    () =>
      tfl.sequential({
        layers: [
          layers.simpleRNN({
            name: 'rnn',
            units: 2,
            stateful: true,
            recurrentInitializer: 'zeros',
            batchInputShape: [1, 3, 2],
          }),
        ],
      }),
    'not-supported',
    'Layer "rnn" is stateful',
  ],
  [
    'a mask',
    () =>
      tfl.sequential({
        layers: [layers.embedding({ name: 'words', inputDim: 3, outputDim: 2, maskZero: true, inputLength: 4 })],
      }),
    'not-supported',
    'Layer "words" makes a mask',
  ],
  [
    'a name that modules use themselves',
    () => tfl.sequential({ layers: [layers.dense({ name: 'forward', units: 2, inputShape: [2] })] }),
    'not-supported',
    '"forward" cannot be wrapped',
  ],
])('%s: refused, saying why', (_, build, code, message) => {
  expect(() => wrapLayersModel(build())).toThrow(
    expect.objectContaining({ code, message: expect.stringContaining(message) }),
  );
});
