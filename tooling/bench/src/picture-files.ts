import { copyFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fold, key } from '@peft/core';
import { drawUniform } from '@peft/core/engine';
import { resize } from '@peft/data';
import sharp from 'sharp';

const [width, height] = [1024, 768];

/** The number of pictures that differ; the others are copies of them, which are read and decoded all the same. */
const different = 40;
const classes = 10;
const disks = 12;

/** Noise of the given wavelengths, in pixels, and how much each counts: smooth surfaces and their grain. */
const noise: readonly (readonly [wavelength: number, part: number])[] = [
  [256, 0.45],
  [64, 0.25],
  [16, 0.17],
  [4, 0.13],
];

/** Draws a picture, RGB: noise, and disks of other colors with sharp edges. */
function draw(seed: number): Uint8Array {
  const random = fold(key(seed), 'picture');
  const values = new Float32Array(width * height * 3);
  for (const [wavelength, part] of noise) {
    const [w, h] = [width / wavelength, height / wavelength];
    const drawn = drawUniform(fold(random, wavelength), w * h * 3).map(value => value * 256);
    const { data } = resize({ data: Uint8Array.from(drawn), width: w, height: h }, width, height, 'bicubic');
    for (let i = 0; i < data.length; i++) values[i]! += part * data[i]!;
  }
  for (let disk = 0; disk < disks; disk++) {
    const [x, y, r, ...color] = drawUniform(fold(fold(random, 'disk'), disk), 6) as unknown as number[];
    const [column, row, radius] = [Math.floor(x * width), Math.floor(y * height), Math.floor(20 + r * 120)];
    for (let top = Math.max(0, row - radius); top < Math.min(height, row + radius); top++) {
      const half = Math.floor(Math.sqrt(radius ** 2 - (top - row) ** 2));
      const end = (top * width + Math.min(width, column + half)) * 3;
      for (let i = (top * width + Math.max(0, column - half)) * 3; i < end; i++) {
        values[i] = 0.5 * values[i]! + 128 * color[i % 3]!;
      }
    }
  }
  return Uint8Array.from(values);
}

/** Writes that many JPEG files of 1024 x 768, of about 170 KB each: `folder/CLASS/INDEX.jpg`. */
export async function writePictures(folder: string, count: number): Promise<void> {
  const pathOf = (index: number): string =>
    join(folder, String(index % classes), `${String(index).padStart(5, '0')}.jpg`);
  for (let index = 0; index < Math.min(count, classes); index++)
    await mkdir(join(folder, String(index)), { recursive: true });
  for (let index = 0; index < count; index++) {
    if (index >= different) await copyFile(pathOf(index % different), pathOf(index));
    else
      await sharp(draw(index), { raw: { width, height, channels: 3 } })
        .jpeg({ quality: 93 })
        .toFile(pathOf(index));
  }
}
