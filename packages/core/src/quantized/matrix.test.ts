import { describe, expect, test } from 'vitest';
import { drawNormal, key } from '../tensor/random.ts';
import { blockSize, dequantizeBlocks, dequantizeMatrix, quantizeBlocks, quantizeMatrix } from './matrix.ts';

const [out, width] = [24, 96];
const weight = drawNormal(key(1), out * width);

/** The largest error in a row, over the row's largest magnitude. */
const worst = (values: Float32Array, found: Float32Array, length: number): number => {
  let most = 0;
  for (let begin = 0; begin < values.length; begin += length) {
    const row = values.subarray(begin, begin + length);
    const error = Math.max(...row.map((value, i) => Math.abs(value - found[begin + i])));
    most = Math.max(most, error / Math.max(...row.map(Math.abs)));
  }
  return most;
};

describe('8 bits', () => {
  test('are within half a step of each number', () => {
    const matrix = quantizeMatrix(weight, out);
    expect(worst(weight, dequantizeMatrix(matrix), width)).toBeLessThan(0.5001 / 127);
    expect(Math.max(...matrix.values.map(Math.abs))).toBe(127);
  });

  test('stand for themselves', () => {
    const once = quantizeMatrix(weight, out);
    const twice = quantizeMatrix(dequantizeMatrix(once), out);
    expect(twice.values).toEqual(once.values);
  });

  test('round ties to even', () => {
    const row = Float32Array.of(127, 0.5, 1.5, 2.5, -0.5, -1.5, -2.5, -126.5);
    expect([...quantizeMatrix(row, 1).values]).toEqual([127, 0, 2, 2, 0, -2, -2, -126]);
  });

  test('of zeros, and of numbers that are almost zero, are finite', () => {
    const matrix = quantizeMatrix(Float32Array.of(0, 0, 1e-44, -1e-44, 1e38, -3e38), 3);
    const wide = [...dequantizeMatrix(matrix)];
    expect(wide.every(Number.isFinite)).toBe(true);
    expect(wide.slice(0, 2)).toEqual([0, 0]);
  });
});

describe('4 bits', () => {
  const half = (scale: number): number => Math.fround(scale);

  test('are within half a step of each number of their block', () => {
    const matrix = quantizeBlocks(weight, out, half);
    expect(matrix.scales).toHaveLength(weight.length / blockSize);
    expect(worst(weight, dequantizeBlocks(matrix), blockSize)).toBeLessThan(0.5001 / 7);
    expect(Math.max(...matrix.values.map(Math.abs))).toBe(7);
  });

  test('need whole blocks', () => {
    expect(() => quantizeBlocks(weight.subarray(0, 4 * 33), 4, half)).toThrow(
      'A weight of 33 inputs cannot be kept in 4',
    );
  });
});
