/** `to-python FOLDER` writes a LoRA adapter for round_trip.py, `from-python FOLDER` loads the one that it writes. */
import { copyFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { openBackbone } from '@peft/backbones/node';
import { startBackend } from '@peft/backends';
import { type AdaptedModel, adapt, fromFloat32, key, serializeSafetensors } from '@peft/core';
import { loadAdapters, saveAdapters, writeAtomic } from '@peft/core/node';
import { batchSource } from '@peft/data';
import { openDataset } from '@peft/data/node';
import { lora } from '@peft/lora';
import { modelConfig, modelWeights } from '@peft/pico';
import { Trainer } from '@peft/train';
import * as tf from '@tensorflow/tfjs-core';

const [direction, folder] = process.argv.slice(2);
if (!folder) throw new Error('Usage: tsx main.ts to-python|from-python FOLDER');

await startBackend('wasm');
const { model: vit, preprocessing } = await openBackbone('pico-vit');
const model = adapt(vit);
const source = batchSource(await openDataset('mnist', 'train'), preprocessing, { batch: 8, seed: 1 });

/** The logits of two pictures, which round_trip.py reads from pictures.safetensors. */
async function print(label: string, model: AdaptedModel): Promise<Float32Array> {
  for await (const { images } of source.batches(0)) {
    const two = images.data.slice(0, 2 * 32 * 32 * 3);
    const logits = tf.tidy(() => model.call(tf.tensor(two, [2, 32, 32, 3])).arraySync());
    console.log(`${label}: ${JSON.stringify(logits)}`);
    return two;
  }
  throw new Error('There are no pictures.');
}

if (direction === 'to-python') {
  await model.add(lora({ r: 4, alpha: 8, targets: ['attn.qkv', 'mlp.fc1'], modulesToSave: ['head'] }), { key: key(1) });
  const trainer = new Trainer({ model, source, optimizer: { lr: 1e-2 }, steps: 6 });
  for await (const event of trainer.run()) if (event.type === 'step') console.log(`step ${event.step}: ${event.loss}`);
  const two = await print('logits of ours, here', model);

  await saveAdapters(model, join(folder, 'ours')); // adapter_config.json and adapter_model.safetensors, as Python writes them
  await mkdir(join(folder, 'base'), { recursive: true });
  await copyFile(modelConfig('pico-vit'), join(folder, 'base/config.json'));
  await copyFile(modelWeights('pico-vit'), join(folder, 'base/model.safetensors'));
  const pictures = serializeSafetensors([['images', fromFloat32(two, [2, 32, 32, 3])]]);
  await writeAtomic(join(folder, 'pictures.safetensors'), pictures);
} else {
  await loadAdapters(model, join(folder, 'theirs'), [lora]);
  await print('logits of theirs, here', model);
}
