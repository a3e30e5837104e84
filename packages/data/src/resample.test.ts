import { describe, expect, test } from 'vitest';
import { bytesOf, generated, reference } from '../test/reference.ts';
import { resize } from './resample.ts';

describe('resize gives the bytes of Pillow', () => {
  for (const { from, to, interpolation, data } of reference().resize) {
    test(`${from.join('x')} to ${to.join('x')}, ${interpolation}`, () => {
      const resized = resize(generated(...from), ...to, interpolation);
      expect([resized.width, resized.height]).toEqual(to);
      expect(resized.data).toEqual(bytesOf(data));
    });
  }
});

test('the same size is the same picture', () => {
  const picture = generated(6, 5);
  expect(resize(picture, 6, 5, 'bicubic')).toBe(picture);
});

test('a size that is none is an error', () => {
  expect(() => resize(generated(6, 5), 0, 5, 'bicubic')).toThrow(/0x5 is not a size/);
  expect(() => resize(generated(6, 5), 2.5, 5, 'box')).toThrow(/2.5x5/);
});

test('a picture so narrow that resizing it would take gigabytes is refused', () => {
  const picture = { data: new Uint8Array(3 * 1e6), width: 1, height: 1e6 };
  expect(() => resize(picture, 224, 224, 'bicubic')).toThrow(/1x1000000 to 224x224 makes more than 89478485 pixels/);
  expect(resize(picture, 1, 8, 'bicubic').height).toBe(8);
});
