import { decodePicture } from '@peft/data/node';
import { expect, test } from 'vitest';
import { bmpOf } from './bmp.ts';

test.each([
  [1, 1],
  [3, 2],
  [28, 28],
])('a picture of %i x %i comes back, every level of it', async (width, height) => {
  const data = Uint8Array.from({ length: 3 * width * height }, (_, i) => (i * 37) % 256);
  const bytes = new Uint8Array(await bmpOf({ data, width, height }).arrayBuffer());
  expect(await decodePicture(bytes, 'a picture')).toEqual({ data, width, height });
});
