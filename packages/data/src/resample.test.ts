import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bytesOf, generated, reference } from '../test/reference.ts';
import { scalarResize } from '../test/scalar-resize.ts';
import { crop } from './picture.ts';
import { resize, resizePart } from './resample.ts';

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

/** A part of a length: where it begins and how long it is. */
const span = (length: number) =>
  fc
    .integer({ min: 0, max: length - 1 })
    .chain(begin => fc.tuple(fc.constant(begin), fc.integer({ min: 1, max: length - begin })));

const sides = fc.tuple(...Array.from({ length: 4 }, () => fc.integer({ min: 1, max: 60 })));

test('any part of any part is that of the whole, computed in plain numbers', () => {
  const cases = sides.chain(([width, height, toWidth, toHeight]) =>
    fc.record({
      spans: fc.tuple(span(width), span(height), span(toWidth), span(toHeight)),
      sides: fc.constant([width, height, toWidth, toHeight] as const),
      filter: fc.constantFrom('box', 'bilinear', 'bicubic', 'lanczos'),
    }),
  );
  fc.assert(
    fc.property(cases, ({ sides: [width, height, toWidth, toHeight], spans: [x, y, partX, partY], filter }) => {
      const picture = generated(width, height);
      const from = { left: x[0], width: x[1], top: y[0], height: y[1] };
      const part = { left: partX[0], width: partX[1], top: partY[0], height: partY[1] };
      const size = { width: toWidth, height: toHeight };
      expect(resizePart(picture, size, filter, { from, part })).toEqual(
        scalarResize(picture, size, filter, from, part),
      );
    }),
    { numRuns: 400 },
  );
});

test.each([
  [1500, 900, 40, 31],
  [23_000, 7, 19, 5],
  [7, 30_000, 5, 19],
  [40, 2, 90, 700],
])('%i x %i to %i x %i, of more rows than are held at once', (width, height, toWidth, toHeight) => {
  const picture = generated(width, height);
  const [whole, size] = [
    { left: 0, top: 0, width, height },
    { width: toWidth, height: toHeight },
  ];
  const part = { left: 1, top: 2, width: toWidth - 1, height: toHeight - 2 };
  for (const filter of ['bicubic', 'lanczos'] as const) {
    expect(resizePart(picture, size, filter, { part })).toEqual(scalarResize(picture, size, filter, whole, part));
  }
});

test('nearest takes parts as well', () => {
  const picture = generated(31, 23);
  const from = { left: 3, top: 2, width: 20, height: 19 };
  const part = { left: 4, top: 1, width: 5, height: 9 };
  const source = crop(picture, from.left, from.top, from.width, from.height);
  const whole = resize(source, 13, 11, 'nearest');
  expect(resizePart(picture, { width: 13, height: 11 }, 'nearest', { from, part })).toEqual(crop(whole, 4, 1, 5, 9));
});
