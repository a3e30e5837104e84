import { startBackend } from '@peft/backends';
import type { DatasetSource } from '@peft/data';
import * as tf from '@tensorflow/tfjs-core';
import { initializers, type LayersModel, layers, sequential } from '@tensorflow/tfjs-layers';

/** Stands for the model that you have: pictures `[B, 28, 28, 3]` to logits `[B, 10]`, trained with TensorFlow.js alone. */
export async function trainLayersModel(source: DatasetSource): Promise<LayersModel> {
  await startBackend('wasm');
  const dense = (name: string, units: number, seed: number, activation: 'relu' | 'linear') =>
    layers.dense({ name, units, activation, kernelInitializer: initializers.heNormal({ seed }) });
  const model = sequential({
    layers: [
      layers.flatten({ inputShape: [28, 28, 3] }),
      dense('fc1', 64, 1, 'relu'),
      dense('fc2', 64, 2, 'relu'),
      dense('logits', 10, 3, 'linear'),
    ],
  });
  const loss = (labels: tf.Tensor, logits: tf.Tensor): tf.Tensor => tf.losses.softmaxCrossEntropy(labels, logits);
  model.compile({ optimizer: tf.train.adam(1e-3), loss });
  for (let epoch = 0; epoch < 12; epoch++) {
    for await (const { images, labels } of source.batches(epoch)) {
      const x = tf.tensor(images.data, [...images.shape]);
      const y = tf.oneHot(tf.tensor1d(labels.data, 'int32'), 10);
      await model.trainOnBatch(x, y);
      tf.dispose([x, y]);
    }
  }
  return model;
}
