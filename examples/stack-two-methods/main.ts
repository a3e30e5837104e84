/** LoRA on the MLPs and NEAT on the attention of one ViT: trained together, saved as one folder, loaded again. */
import { openBackbone } from '@peft/backbones/node';
import { startBackend } from '@peft/backends';
import { onnxEngine } from '@peft/compile';
import { type AdaptedModel, adapt, key } from '@peft/core';
import { loadAdapters, saveAdapters } from '@peft/core/node';
import { batchSource, type Dataset, subset } from '@peft/data';
import { openDataset } from '@peft/data/node';
import { lora } from '@peft/lora';
import { neat } from '@peft/neat';
import { evaluate, evaluationStep, Trainer } from '@peft/train';

const out = process.argv[2] ?? 'stack';

await startBackend('cpu'); // holds the weights; ONNX Runtime computes
const engine = await onnxEngine();

/** The digits 0 to 3, which are learned in seconds. */
async function openDigits(split: string): Promise<Dataset> {
  const all = await openDataset('mnist', split);
  const indices = Int32Array.from([...all.labels().keys()].filter(index => all.labels()[index] < 4));
  return subset(all, indices, `${split} digits`);
}

const [digits, testDigits] = [await openDigits('train'), await openDigits('test')];
const open = () => openBackbone('pico-vit', { classes: digits.classes.length });

const backbone = await open();
const { preprocessing } = backbone;
const test = batchSource(testDigits, preprocessing, { batch: 100, shuffle: false });
const measure = async (model: AdaptedModel): Promise<string> => {
  const { accuracy, loss } = await evaluate(engine.compile(evaluationStep(model)), test);
  return `accuracy ${accuracy.toFixed(3)}, loss ${loss.toFixed(4)}`;
};

const model = adapt(backbone.model);
// One of them owns the new head: two heads could not both be in use.
await model.add('mlp', lora({ r: 4, targets: ['mlp.fc1', 'mlp.fc2'], modulesToSave: ['head'] }), { key: key(1) });
await model.add('attention', neat({ r: 4, targets: ['attn.qkv[q,v]'] }), { key: key(2) });
console.log(model.trainableSummary());

const source = batchSource(digits, preprocessing, { batch: 16, seed: 1 });
const trainer = new Trainer({ model, engine, source, optimizer: { lr: 1e-2 }, epochs: 2 });
for await (const event of trainer.run())
  if (event.type === 'epoch') console.log(`epoch ${event.epoch + 1}: loss ${event.meanLoss.toFixed(3)}`);
console.log(`both: ${await measure(model)}`);

await saveAdapters(model, out, { backbone: 'pico-vit', weightsHash: await backbone.weightsHash() });
const fresh = adapt((await open()).model);
await loadAdapters(fresh, out, [lora, neat], await backbone.weightsHash());
console.log(`loaded ${[...fresh.adapters.keys()].join(' and ')}: ${await measure(fresh)}`);

fresh.use('mlp'); // each call of measure compiles the model as it is then
console.log(`mlp alone: ${await measure(fresh)}`);
fresh.use({ mlp: 1, attention: 0.5 });
console.log(`attention by half: ${await measure(fresh)}`);
await engine.dispose();
