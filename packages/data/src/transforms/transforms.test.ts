import { fold, key, type Preprocessing } from '@peft/core';
import { describe, expect, test } from 'vitest';
import { floatsOf, generated, reference } from '../../test/reference.ts';
import type { Picture } from '../index.ts';
import { resize } from '../resample.ts';
import { evalTransform } from './eval.ts';
import { flipCropTransform, randomResizedBox } from './flip-crop.ts';

const preprocessing: Preprocessing = {
  inputSize: [3, 8, 8],
  interpolation: 'bicubic',
  cropPct: 0.9,
  cropMode: 'center',
  mean: [0.5, 0.5, 0.5],
  std: [0.5, 0.5, 0.5],
};

describe('evalTransform gives the floats of timm', () => {
  for (const { from, preprocessing, values } of reference().evaluate) {
    const { inputSize, interpolation, cropPct, cropMode } = preprocessing;
    test(`${from.join('x')} to ${inputSize.slice(1)}, ${interpolation}, ${cropPct} ${cropMode}`, () => {
      const transform = evalTransform(preprocessing);
      expect([transform.height, transform.width]).toEqual(inputSize.slice(1));
      expect(transform.apply(generated(...from), 0)).toEqual(floatsOf(values));
    });
  }

  test('squashed at cropPct 1, a picture goes straight to the input size, as in VTAB-1K', () => {
    const picture = generated(31, 23);
    const [mean, std] = [[0, 0, 0] as const, [1, 1, 1] as const];
    const vtab = evalTransform({ ...preprocessing, mean, std, cropMode: 'squash', cropPct: 1 });
    const raw = Float32Array.from(resize(picture, 8, 8, 'bicubic').data, value => value / 255);
    expect(vtab.apply(picture, 0)).toEqual(raw);
  });

  test('a configuration that cannot work is an error', () => {
    expect(() => evalTransform({ ...preprocessing, inputSize: [1, 8, 8] })).toThrow(/inputSize is \[1, 8, 8\]/);
    expect(() => evalTransform({ ...preprocessing, std: [0.5, 0, 0.5] })).toThrow(/std is \[0.5, 0, 0.5\]/);
  });
});

describe('randomResizedBox takes the boxes of torchvision', () => {
  for (const { from, draws, box } of reference().boxes) {
    test(from.join('x'), () => expect(randomResizedBox(...from, floatsOf(draws))).toEqual(box));
  }
});

describe('flipCropTransform', () => {
  const plain = (size: number): Preprocessing => ({
    ...preprocessing,
    inputSize: [3, size, size],
    mean: [0, 0, 0],
    std: [1, 1, 1],
  });
  const epoch = (number: number) => fold(fold(key(7), 'augment'), number);

  test('depends on seed, epoch and index alone', () => {
    const picture = generated(60, 50);
    const transform = flipCropTransform(preprocessing, epoch(1));
    const first = transform.apply(picture, 3);
    transform.apply(picture, 4);
    expect(flipCropTransform(preprocessing, epoch(1)).apply(picture, 3)).toEqual(first);
    expect(transform.apply(picture, 4)).not.toEqual(first);
    expect(flipCropTransform(preprocessing, epoch(2)).apply(picture, 3)).not.toEqual(first);
  });

  /** Each pixel says where it is: red the column, green the row. */
  const located = (side: number): Picture => {
    const data = new Uint8Array(side * side * 3);
    for (let i = 0; i < side * side; i++) data.set([1 + (i % side), 1 + Math.floor(i / side), 255], i * 3);
    return { data, width: side, height: side };
  };

  test('shifts a small picture by up to four pixels and flips half of them', () => {
    const side = 12;
    const transform = flipCropTransform(plain(side), epoch(0));
    const shifts = new Set<string>();
    let flips = 0;
    for (let index = 0; index < 1000; index++) {
      const values = transform.apply(located(side), index);
      const at = (side * 6 + 6) * 3; // always inside: 6 + 4 < 12
      const right = Math.round((values[at + 3] - values[at]) * 255);
      flips += right === -1 ? 1 : 0;
      const column = Math.round(values[at] * 255) - 1;
      const row = Math.round(values[at + 1] * 255) - 1;
      shifts.add(`${right === -1 ? column - 5 : column - 6},${row - 6}`);
      expect(values.some((value, i) => i % 3 === 2 && value !== 0 && value !== 1)).toBe(false);
    }
    expect(shifts.size).toBe(81);
    expect(flips).toBeGreaterThan(440);
    expect(flips).toBeLessThan(560);
  });

  test('crops a large picture: a part of it, at the size asked for', () => {
    const transform = flipCropTransform(plain(16), epoch(0));
    const spans = Array.from({ length: 200 }, (_, index) => {
      const columns = transform.apply(located(100), index).filter((_, i) => i % 3 === 0);
      expect(columns.length).toBe(256);
      return (Math.max(...columns) - Math.min(...columns)) * 255;
    });
    expect(Math.min(...spans)).toBeLessThan(40);
    expect(Math.max(...spans)).toBeGreaterThan(85);
  });
});
