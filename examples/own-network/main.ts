/** Trains a network of one's own on digits, then adapts it with LoRA to the same digits drawn dark on light. */
import { startBackend } from '@peft/backends';
import { adapt, eagerEngine, initialize, key, parameters, softmaxCrossEntropy } from '@peft/core';
import { valueAndGrads } from '@peft/core/engine';
import { batchSource, type Dataset } from '@peft/data';
import { openDataset } from '@peft/data/node';
import { lora } from '@peft/lora';
import { evaluate, evaluationStep, Trainer } from '@peft/train';
import * as tf from '@tensorflow/tfjs-core';
import { Network, preprocessing } from './network.ts';

/** The pictures with dark and light exchanged. */
function inverted(dataset: Dataset): Dataset {
  if (dataset.preprocessed) throw new Error('These are tensors, not pictures.');
  const picture = async (index: number) => {
    const { data, ...size } = await dataset.picture(index);
    return { ...size, data: data.map(value => 255 - value) };
  };
  return { ...dataset, name: 'inverted digits', picture };
}

await startBackend('wasm');
const network = initialize(new Network(), key(0));
const [digits, testDigits] = [await openDataset('mnist', 'train'), await openDataset('mnist', 'test')];

// The network has to know something before there is anything to adapt: all its weights, trained with TensorFlow.js.
const adam = tf.train.adam(3e-3);
const weights = [...parameters(network)].map(([, { value }]) => value);
const source = batchSource(digits, preprocessing, { seed: 1 });
for (let epoch = 0; epoch < 12; epoch++) {
  for await (const { images, labels } of source.batches(epoch)) {
    tf.tidy(() => {
      const [x, y] = [tf.tensor(images.data, [...images.shape]), tf.tensor(labels.data, [...labels.shape], 'int32')];
      const loss = (): tf.Scalar => tf.mean(softmaxCrossEntropy(network.call(x), y));
      const { grads } = valueAndGrads(loss, weights);
      adam.applyGradients(weights.map(({ name }, i) => ({ name, tensor: grads[i]! })));
    });
  }
}

const model = adapt(network);
const step = eagerEngine().compile(evaluationStep(model));
const accuracy = async (dataset: Dataset): Promise<string> =>
  (await evaluate(step, batchSource(dataset, preprocessing, { shuffle: false, dropLast: false }))).accuracy.toFixed(3);
console.log(`light on dark: ${await accuracy(testDigits)}`);
console.log(`dark on light: ${await accuracy(inverted(testDigits))}`);

await model.add(lora({ r: 8, targets: 'all-linear', modulesToSave: ['head'] }), { key: key(1) });
console.log(model.trainableSummary());
const dark = batchSource(inverted(digits), preprocessing, { seed: 2 });
const trainer = new Trainer({ model, source: dark, optimizer: { lr: 5e-3 }, epochs: 12 });
for await (const event of trainer.run())
  if (event.type === 'epoch') console.log(`epoch ${event.epoch + 1}: loss ${event.meanLoss.toFixed(3)}`);
console.log(`dark on light, adapted: ${await accuracy(inverted(testDigits))}`);
model.enabled = false; // the network as it was
console.log(`light on dark, without the adapter: ${await accuracy(testDigits)}`);
