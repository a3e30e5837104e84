/** Adapts a LayersModel, and gives it the adapter's weights: whoever calls `predict` or loads its file need not know. */
import { adapt, type BatchSource, eagerEngine, key, type Preprocessing } from '@peft/core';
import { batchSource, type DatasetSource } from '@peft/data';
import { openDataset } from '@peft/data/node';
import { wrapLayersModel } from '@peft/layers';
import { lora } from '@peft/lora';
import { evaluate, evaluationStep, Trainer } from '@peft/train';
import * as tf from '@tensorflow/tfjs-core';
import { type LayersModel, loadLayersModel } from '@tensorflow/tfjs-layers';
import { trainLayersModel } from './layers-model.ts';

const preprocessing: Preprocessing = {
  inputSize: [3, 28, 28],
  interpolation: 'bilinear',
  cropPct: 1,
  cropMode: 'center',
  mean: [0.5, 0.5, 0.5],
  std: [0.5, 0.5, 0.5],
};

/** The same pictures with dark and light exchanged; normalized, they lie in -1 to 1. */
const inverted = (source: DatasetSource): BatchSource => ({
  ...source,
  async *batches(epoch, skip) {
    for await (const { images, labels } of source.batches(epoch, skip))
      yield { images: { ...images, data: images.data.map(value => -value) }, labels };
  },
});

const digits = batchSource(await openDataset('mnist', 'train'), preprocessing, { seed: 1 });
const light = batchSource(await openDataset('mnist', 'test'), preprocessing, { batch: 100, shuffle: false });
const dark = inverted(light);
const layersModel = await trainLayersModel(digits);

/** By the LayersModel's own `predict`. */
async function accuracy(of: LayersModel, source: BatchSource): Promise<string> {
  const step = eagerEngine().compile(evaluationStep({ call: images => of.predict(images) as tf.Tensor }));
  return (await evaluate(step, source)).accuracy.toFixed(3);
}
console.log(`light on dark: ${await accuracy(layersModel, light)}`);
console.log(`dark on light: ${await accuracy(layersModel, dark)}`);

const model = adapt(wrapLayersModel(layersModel)); // its Dense layers, by their names
await model.add(lora({ r: 8, targets: ['fc1', 'fc2', 'logits'] }), { key: key(1) });
console.log(model.trainableSummary());
const trainer = new Trainer({ model, source: inverted(digits), optimizer: { lr: 5e-3 }, epochs: 12 });
for await (const event of trainer.run())
  if (event.type === 'epoch') console.log(`epoch ${event.epoch + 1}: loss ${event.meanLoss.toFixed(3)}`);

model.merge(); // into the variables of the LayersModel
console.log(`dark on light, merged: ${await accuracy(layersModel, dark)}`);
let file: tf.io.ModelArtifacts | undefined;
await layersModel.save(
  tf.io.withSaveHandler(async artifacts => {
    file = artifacts; // in a browser: layersModel.save('downloads://adapted')
    return { modelArtifactsInfo: tf.io.getModelArtifactsInfoForJSON(artifacts) };
  }),
);
if (file)
  console.log(`dark on light, from the file: ${await accuracy(await loadLayersModel(tf.io.fromMemory(file)), dark)}`);
model.unmerge();
console.log(`light on dark, unmerged: ${await accuracy(layersModel, light)}`);
