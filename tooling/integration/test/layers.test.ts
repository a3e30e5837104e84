import {
  adapt,
  attachAdapterFolder,
  eagerEngine,
  key,
  type Method,
  type Module,
  readAdapterFolder,
  writeAdapterFolder,
} from '@peft/core';
import { heat } from '@peft/heat';
import { wrapLayersModel } from '@peft/layers';
import { lily } from '@peft/lily';
import { lora } from '@peft/lora';
import { neat } from '@peft/neat';
import { pear } from '@peft/pear';
import { follow } from '@peft/testing';
import { Trainer } from '@peft/train';
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { expect, test } from 'vitest';
import { factories, pictures } from './models.ts';

const { layers } = tfl;
const apply = (layer: tfl.layers.Layer, x: tfl.SymbolicTensor | tfl.SymbolicTensor[]): tfl.SymbolicTensor =>
  layer.apply(x) as tfl.SymbolicTensor;

/** Self-attention of four tokens of eight features, as one writes it with layers. */
function block(name: string): tfl.LayersModel {
  const x = tfl.input({ shape: [4, 8] });
  const dense = (role: string): tfl.SymbolicTensor =>
    apply(layers.dense({ name: role, units: 8, kernelInitializer: initializer(role.length + name.length) }), x);
  const scores = apply(layers.dot({ axes: [2, 2] }), [dense('query'), dense('key')]);
  const mixed = apply(layers.dot({ axes: [2, 1] }), [apply(layers.softmax({ axis: -1 }), scores), dense('value')]);
  return tfl.model({ name, inputs: x, outputs: apply(layers.add(), [x, mixed]) });
}

const initializer = (seed: number) => tfl.initializers.glorotNormal({ seed });

/** A transformer of layers, which knows nothing of adapters. */
function transformer(): Module {
  const images = tfl.input({ shape: [16, 16, 3] });
  const conv = layers.conv2d({ filters: 8, kernelSize: 8, strides: 8, kernelInitializer: initializer(1) });
  const tokens = apply(layers.reshape({ targetShape: [4, 8] }), apply(conv, images));
  const features = [block('block0'), block('block1')].reduce((x, next) => apply(next, x), tokens);
  const head = layers.dense({ name: 'head', units: 3, kernelInitializer: initializer(2) });
  const outputs = apply(head, apply(layers.flatten(), features));
  return wrapLayersModel(tfl.model({ inputs: images, outputs }));
}

const targets = ['query', 'value'];
const methods: Record<string, Method> = {
  lora: lora({ targets, r: 2, modulesToSave: ['head'] }),
  neat: neat({ targets, r: 2, modulesToSave: ['head'] }),
  lily: lily({ targets, r: 2, modulesToSave: ['head'] }),
  heat: heat({ targets, r: 2, heads: 2, modulesToSave: ['head'] }),
  pear: pear({ targets, r: 2, act: 'identity', modulesToSave: ['head'] }),
};

async function outputs(model: { call(x: tf.Tensor): tf.Tensor }): Promise<Float32Array> {
  const y = tf.tidy(() => model.call(tf.reshape(tf.sin(tf.range(0, 2 * 16 * 16 * 3)), [2, 16, 16, 3])));
  const values = Float32Array.from(await y.data());
  y.dispose();
  return values;
}

test.each(Object.entries(methods))('%s trains, is saved and loaded on a LayersModel', async (name, method) => {
  const base = transformer();
  const before = await outputs(base);
  const model = adapt(base);
  await model.add('default', method, { key: key(6) });
  expect(await outputs(model)).toEqual(before);
  const options = { model, engine: eagerEngine(), source: pictures(), optimizer: { lr: 2e-2 }, epochs: 5, seed: 1 };
  const trainer = new Trainer(options);
  const { losses, stages } = await follow(trainer);
  await trainer.dispose();
  expect(losses.at(-1)).toBeLessThan(0.6 * losses[0]);
  expect(stages.length > 0).toBe(name === 'heat' || name === 'pear');

  const trained = await outputs(model);
  const again = adapt(transformer());
  const files = await writeAdapterFolder(model);
  await attachAdapterFolder(again, readAdapterFolder(files, 'folder', factories));
  expect(await outputs(again)).toEqual(trained);
  model.enabled = false;
  expect(await outputs(model)).toEqual(before);
});
