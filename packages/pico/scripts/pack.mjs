// Writes models/NAME from trained weights in timm's folder layout, in F16:
//   node scripts/pack.mjs SOURCE/pico-vit SOURCE/pico-swin      (after a build)
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fromFloat32, parseSafetensors, serializeSafetensors, toFloat32 } from '@peft/core';

const models = fileURLToPath(new URL('../models', import.meta.url));

for (const source of process.argv.slice(2)) {
  const folder = join(models, basename(source));
  const path = join(source, 'model.safetensors');
  const { tensors, metadata } = parseSafetensors(await readFile(path), path);
  const halves = [...tensors].map(([name, tensor]) => [name, fromFloat32(toFloat32(tensor), tensor.shape, 'F16')]);
  const bytes = serializeSafetensors(halves, metadata);
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'model.safetensors'), bytes);
  await writeFile(join(folder, 'config.json'), await readFile(join(source, 'config.json')));
  console.log(`${basename(source)}: ${halves.length} tensors, ${bytes.length} bytes`);
}
