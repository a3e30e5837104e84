import fc from 'fast-check';
import { expect, test } from 'vitest';
import { generated } from '../test/reference.ts';
import { centerCrop, crop, flipHorizontal, fromGray, pad, roundHalfEven } from './picture.ts';

const side = fc.integer({ min: 1, max: 9 });

test('a crop undoes a border', () => {
  fc.assert(
    fc.property(side, side, side, side, (width, height, left, top) => {
      const picture = generated(width, height);
      const padded = pad(picture, { left, top, right: 2, bottom: 3 }, [9, 8, 7]);
      expect([padded.width, padded.height]).toEqual([width + left + 2, height + top + 3]);
      expect([...padded.data.slice(0, 3)]).toEqual([9, 8, 7]);
      expect(crop(padded, left, top, width, height)).toEqual(picture);
    }),
  );
});

test('two flips are none, and one moves the first pixel to the end of its row', () => {
  const picture = generated(5, 3);
  expect(flipHorizontal(flipHorizontal(picture))).toEqual(picture);
  expect(flipHorizontal(picture).data.slice(12, 15)).toEqual(picture.data.slice(0, 3));
});

test('the center is of the size asked for, padded where needed', () => {
  fc.assert(
    fc.property(side, side, side, side, (width, height, toWidth, toHeight) => {
      const center = centerCrop(generated(width, height), toWidth, toHeight);
      expect([center.width, center.height, center.data.length]).toEqual([toWidth, toHeight, toWidth * toHeight * 3]);
    }),
  );
});

test('a crop outside is an error that says where', () => {
  expect(() => crop(generated(5, 3), 3, 0, 3, 3)).toThrow(/3x3 at \(3, 0\).*5x3/);
});

test('halves are rounded to even', () => {
  expect([0.5, 1.5, 2.5, 2.4, 2.6, 3].map(roundHalfEven)).toEqual([0, 2, 2, 2, 3, 3]);
});

test('gray becomes three equal channels', () => {
  expect([...fromGray(Uint8Array.of(1, 200), 2, 1).data]).toEqual([1, 1, 1, 200, 200, 200]);
});
