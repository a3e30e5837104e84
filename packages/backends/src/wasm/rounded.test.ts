import { beforeAll, describe, expect, test, vi } from 'vitest';
import { kernelBuilds } from '#kernels';
import { instantiate } from './instantiate.mjs';
import { compileKernels, dotOffsetOf, type KernelExports } from './module.ts';

const memory = new WebAssembly.Memory({ initial: 256, maximum: 256 });
const floats = new Float32Array(memory.buffer);
const bytes = new Int8Array(memory.buffer);

/** Addresses, in the order of the heap: 3 MiB each. */
const [scratch, atX, atValues, atForward, atBackward] = [0, 3, 6, 9, 12].map(at => at << 20);
const [atScales, atBias] = [15 << 20, (15 << 20) + (1 << 18)];

/** Numbers in [-1, 1), the larger ones rarer, that differ by `seed`. */
const numbers = (size: number, seed: number): Float32Array =>
  Float32Array.from({ length: size }, (_, i) => {
    const number = (Math.imul(i + 1, 0x9e3779b1 ^ (seed * 0x85ebca6b)) >>> 8) / 2 ** 23 - 1;
    return number * number * number;
  });

const hasRelaxedSimd = WebAssembly.validate(Buffer.from(kernelBuilds.relaxedSimd, 'base64'));

interface Given {
  x: Float32Array;
  /** `[n, k]` */
  values: Int8Array;
  scales: Float32Array;
  bias: Float32Array;
}

type Size = [m: number, n: number, k: number];

const given = ([m, n, k]: Size, sign: (x: number) => number): Given => ({
  x: numbers(m * k, 1).map(sign),
  values: Int8Array.from(numbers(n * k, 2), value => Math.round(value * 127)),
  scales: numbers(Math.max(n, k), 3).map(value => Math.abs(value) + 0.1),
  bias: numbers(n, 4),
});

/** To the nearest integer, ties to even. */
function roundEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 !== 0) ? floor + 1 : floor;
}

/** rounded(x factors) values^T, times the scales of rows and columns, plus the bias: the sums in exact integers. */
function expected(
  [m, n, k]: Size,
  { x, values }: Given,
  factors?: Float32Array,
  scales?: Float32Array,
  bias?: Float32Array,
) {
  const { fround } = Math;
  const y = new Float32Array(m * n);
  for (let i = 0; i < m; i++) {
    const row = Float32Array.from({ length: k }, (_, p) => x[i * k + p] * (factors?.[p] ?? 1));
    const magnitude = row.reduce((most, value) => Math.max(most, Math.abs(value)), fround(1e-30));
    const scale = fround(magnitude / 127);
    const rounded = row.map(value => roundEven(fround(value / scale)));
    for (let j = 0; j < n; j++) {
      let sum = 0;
      for (let p = 0; p < k; p++) sum += rounded[p] * values[j * k + p];
      let value = fround(fround(sum) * scale);
      if (scales) value = fround(value * scales[j]);
      y[i * n + j] = bias ? value + bias[j] : value;
    }
  }
  return y;
}

const sizes: Size[] = [
  [1, 1, 1],
  [2, 9, 3],
  [5, 8, 17],
  [7, 15, 64],
  [13, 16, 70],
  [97, 24, 33],
  [193, 41, 131],
  [6, 7, 9000],
  [5, 9, 2 ** 15], // the most
];

describe.each([
  ['with relaxed SIMD, if this runtime has it', true],
  ['without', false],
])('%s', (_, isRelaxed) => {
  let kernels: KernelExports;
  let offset: number;
  beforeAll(async () => {
    const validate = vi.spyOn(WebAssembly, 'validate');
    if (!isRelaxed) validate.mockReturnValue(false);
    kernels = await instantiate(await compileKernels(false), memory);
    offset = dotOffsetOf(kernels);
    validate.mockRestore();
    kernels.setScratch(scratch);
  });

  function place({ x, values, scales, bias }: Given): void {
    floats.set(x, atX / 4);
    bytes.set(values, atValues);
    floats.set(scales, atScales / 4);
    floats.set(bias, atBias / 4);
  }

  /** The forward product, whose result is written over the raw values. */
  function forward([m, n, k]: Size, inputs: Given, offset: number): Float32Array {
    place(inputs);
    kernels.packWeight(atValues, k, n, offset, atForward);
    kernels.multiplyRounded(m, n, k, atX, 0, atForward, atScales, atBias, atValues, offset);
    return floats.slice(atValues / 4, atValues / 4 + m * n);
  }

  /** The product with the transpose of a weight that was packed for the other way: `x` is `[m, k]` and `values` `[n, k]`. */
  function backward([m, n, k]: Size, inputs: Given, offset: number): Float32Array {
    const turned = Int8Array.from({ length: n * k }, (_, i) => inputs.values[(i % n) * k + Math.floor(i / n)]);
    place({ ...inputs, values: turned });
    kernels.packWeight(atValues, n, k, offset, atForward);
    kernels.turnPacked(atForward, n, k, offset, atBackward);
    kernels.multiplyRounded(m, n, k, atX, atScales, atBackward, 0, 0, atValues, offset);
    return floats.slice(atValues / 4, atValues / 4 + m * n);
  }

  test('this runtime multiplies in one of three ways', () => {
    expect(isRelaxed ? [-1, 0, 128] : [-1]).toContain(offset);
  });

  describe.each(sizes.map(size => ({ size })))('$size', ({ size }) => {
    test.each(['as this runtime does', 'by pairs'])('is exact, %s', way => {
      const used = way === 'by pairs' ? -1 : offset;
      const inputs = given(size, x => x);
      const { scales, bias } = inputs;
      expect(forward(size, inputs, used)).toEqual(expected(size, inputs, undefined, scales, bias));
      expect(backward(size, inputs, used)).toEqual(expected(size, inputs, scales));
    });

    test.runIf(isRelaxed && hasRelaxedSimd)(
      'is exact by signed dot products, which every runtime has for x above zero',
      () => {
        const inputs = given(size, Math.abs);
        const { scales, bias } = inputs;
        expect(forward(size, inputs, 0)).toEqual(expected(size, inputs, undefined, scales, bias));
        expect(backward(size, inputs, 0)).toEqual(expected(size, inputs, scales));
      },
    );
  });

  test('rows of zeros, of numbers that are almost zero, and of numbers that are none', () => {
    const size: Size = [5, 3, 19];
    const inputs = given(size, x => x);
    inputs.x.fill(0, 0, 19).fill(1e-44, 19, 38);
    inputs.x[2 * 19 + 18] = Number.NaN;
    inputs.x[3 * 19] = Number.NEGATIVE_INFINITY;
    const found = forward(size, inputs, offset);
    expect(found.subarray(0, 3)).toEqual(inputs.bias);
    expect(found.subarray(3, 6)).toEqual(inputs.bias);
    expect([...found.subarray(6, 12)].every(Number.isNaN)).toBe(true);
    expect(found.subarray(12)).toEqual(expected(size, inputs, undefined, inputs.scales, inputs.bias).subarray(12));
  });
});
