/** The code of the walk in README.md; a test compares them. */
import { openBackbone } from '@peft/backbones/node';
import { startBackend } from '@peft/backends';
import { onnxEngine } from '@peft/compile';
import { adapt, getModule, key } from '@peft/core';
import { isMadeBy } from '@peft/core/method';
import { batchSource, subset } from '@peft/data';
import { openDataset } from '@peft/data/node';
import { heat } from '@peft/heat';
import { Trainer } from '@peft/train';
import * as tf from '@tensorflow/tfjs-core';

await startBackend('cpu');
const digits = subset(
  await openDataset('mnist', 'train'),
  Int32Array.from({ length: 320 }, (_, i) => i),
  'digits',
);
const { model: vit, preprocessing } = await openBackbone('pico-vit', { classes: digits.classes.length });
const model = adapt(vit);
await model.add(heat({ ne: 1, r: 8, scope: 'layer', modulesToSave: ['head'] }), { key: key(1) });
console.log(`before: ${model.trainableSummary()}`);

const engine = await onnxEngine();
const source = batchSource(digits, preprocessing, { batch: 16, seed: 1 });
const trainer = new Trainer({ model, engine, source, optimizer: { lr: 1e-2 }, epochs: 3 });
for await (const event of trainer.run()) {
  if (event.type === 'epoch') console.log(`epoch ${event.epoch + 1}: loss ${event.meanLoss.toFixed(3)}`);
  if (event.type === 'stage') console.log(`step ${event.step}: ${event.stage}, ${event.ms.toFixed(0)} ms`);
}
await engine.dispose();

const { method } = model.get('default');
if (!isMadeBy(method, heat) || !method.findings) throw new Error('The heads have not been scored.');
const { off, scores } = method.findings;
const rounded = (values: readonly number[] = []): string => values.map(value => value.toFixed(3)).join(' ');
for (const [layer, { q, v }] of Object.entries(scores ?? {}))
  console.log(`${layer}: q ${rounded(q)} | v ${rounded(v)} | off ${off[layer]}`);

const change = (layer: string): number[] =>
  tf.tidy(() => {
    const qkv = getModule(vit, `${layer}.qkv`);
    const x = tf.ones([1, 1, 96]); // pico-vit is 96 wide, with 3 heads of 32
    const adapted = qkv.call(x);
    model.enabled = false;
    const parts = tf.reshape(tf.abs(tf.sub(adapted, qkv.call(x))), [3, 3, 32]); // q, k, v; heads; components
    model.enabled = true;
    return [...tf.sum(parts, [0, 2]).dataSync()];
  });
for (const layer of Object.keys(off)) console.log(`${layer}: change by head ${rounded(change(layer))}`);

console.log(`after: ${model.trainableSummary()}`);
for (const [path, { shape, wholeShape }] of model.trainable())
  if (path.includes('blocks.0.')) console.log(`${path}: [${shape}] of [${wholeShape}]`);

const logits = (): tf.Tensor => model.call(tf.ones([1, 32, 32, 3]));
const before = logits();
model.merge();
console.log(
  `merging changes the logits by ${tf
    .max(tf.abs(tf.sub(logits(), before)))
    .dataSync()[0]
    .toExponential(1)}`,
);
