/** Teaches a small ViT the pictures of a folder with LoRA, then loads the adapter as another program would. */
import { openBackbone } from '@peft/backbones/node';
import { startBackend } from '@peft/backends';
import { onnxEngine } from '@peft/compile';
import { adapt, key } from '@peft/core';
import { loadAdapters, openAdapterFolder, saveAdapters } from '@peft/core/node';
import { batchSource, evalTransform } from '@peft/data';
import { openDataset, readPicture } from '@peft/data/node';
import { lora } from '@peft/lora';
import { evaluate, evaluationStep, logSumExp, Trainer } from '@peft/train';

const [folder, path, out = 'adapter', name = 'pico-vit'] = process.argv.slice(2);
if (!folder || !path) throw new Error('Usage: tsx main.ts FOLDER PICTURE [ADAPTER] [BACKBONE]');

await startBackend('cpu'); // holds the weights; ONNX Runtime computes
const engine = await onnxEngine();

async function train(folder: string): Promise<void> {
  const pictures = await openDataset(folder, 'train'); // FOLDER/train/CLASS/*.png
  const backbone = await openBackbone(name, { classes: pictures.classes.length });
  const model = adapt(backbone.model);
  await model.add(lora({ r: 8, targets: ['attn.qkv[q,v]'], modulesToSave: ['head'] }), { key: key(1) });
  console.log(model.trainableSummary());

  const source = batchSource(pictures, backbone.preprocessing, { batch: 16, seed: 1 });
  const trainer = new Trainer({ model, engine, source, optimizer: { lr: 1e-2 }, epochs: 5 });
  for await (const event of trainer.run())
    if (event.type === 'epoch') console.log(`epoch ${event.epoch + 1}: loss ${event.meanLoss.toFixed(3)}`);

  const test = batchSource(await openDataset(folder, 'test'), backbone.preprocessing, {
    shuffle: false,
    dropLast: false,
  });
  const { accuracy, n } = await evaluate(engine.compile(evaluationStep(model)), test);
  console.log(`accuracy ${accuracy.toFixed(3)} on ${n} test pictures`);
  const weightsHash = await backbone.weightsHash();
  const bytes = await saveAdapters(model, out, { backbone: name, weightsHash, labels: [...pictures.classes] });
  console.log(`${out}: ${Math.round(bytes / 1000)} kB`);
}

async function predict(path: string): Promise<void> {
  const { labels = [] } = (await openAdapterFolder(out, [lora])).card;
  const backbone = await openBackbone(name, { classes: labels.length });
  const model = adapt(backbone.model);
  await loadAdapters(model, out, [lora], await backbone.weightsHash()); // refuses an adapter of other weights

  const { height, width, apply } = evalTransform(backbone.preprocessing);
  const data = apply(await readPicture(path), 0);
  const { logits } = await engine
    .compile(evaluationStep(model))
    .run({ images: { data, shape: [1, height, width, 3] } });
  const scores = Float32Array.from(logits.data);
  const best = scores.indexOf(Math.max(...scores));
  console.log(`${path}: ${labels[best]}, ${(100 * Math.exp(scores[best] - logSumExp(scores))).toFixed(1)} %`);
}

await train(folder);
await predict(path);
await engine.dispose();
