/** Writes model.onnx and model.json for the page: a backbone with an adapter merged into it, or the backbone alone. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { openBackbone } from '@peft/backbones/node';
import { startBackend } from '@peft/backends';
import { exportOnnx } from '@peft/compile';
import { adapt, attachAdapterFolder } from '@peft/core';
import { openAdapterFolder, writeAtomic } from '@peft/core/node';
import { lora } from '@peft/lora';
import { evaluationStep } from '@peft/train';
import type { Card } from './card.ts';

const [adapter, out = 'public', name = 'pico-vit'] = process.argv.slice(2);

await startBackend('wasm');
const folder = adapter ? await openAdapterFolder(adapter, [lora]) : undefined;
const backbone = await openBackbone(name, folder && { classes: folder.card.labels?.length });
const model = adapt(backbone.model);
if (folder) {
  await attachAdapterFolder(model, folder, await backbone.weightsHash());
  model.merge();
}
const labels = folder?.card.labels ?? backbone.labels;
if (!labels) throw new Error(`Neither ${adapter} nor ${name} has class names.`);

const [height, width] = backbone.model.imageSize;
const onnx = await exportOnnx(evaluationStep(model), { inputs: { images: { shape: [null, height, width, 3] } } });
const card: Card = { labels, preprocessing: backbone.preprocessing };
await mkdir(out, { recursive: true });
await writeAtomic(join(out, 'model.onnx'), onnx);
await writeAtomic(join(out, 'model.json'), JSON.stringify(card));
console.log(`${join(out, 'model.onnx')}: ${labels.length} classes, ${(onnx.length / 1e6).toFixed(1)} MB`);
