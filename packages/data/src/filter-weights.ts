import type { Interpolation } from '@peft/core';

interface Filter {
  /** Half the width, in pixels of the source when enlarging and of the result when shrinking. */
  readonly support: number;
  weight(x: number): number;
}

const sinc = (x: number): number => (x === 0 ? 1 : Math.sin(x * Math.PI) / (x * Math.PI));

/** Cubic convolution with a = -1/2 (Keys 1981, eq. 15). */
function bicubic(x: number): number {
  const t = Math.abs(x);
  if (t < 1) return (1.5 * t - 2.5) * t * t + 1;
  return t < 2 ? (((t - 5) * t + 8) * t - 4) * -0.5 : 0;
}

const filters: Record<Exclude<Interpolation, 'nearest'>, Filter> = {
  box: { support: 0.5, weight: x => (x > -0.5 && x <= 0.5 ? 1 : 0) },
  bilinear: { support: 1, weight: x => Math.max(0, 1 - Math.abs(x)) },
  bicubic: { support: 2, weight: bicubic },
  lanczos: { support: 3, weight: x => (x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0) },
};

/** Fixed point: 32 bits less 8 of the result and 2 for overshoot. */
const fractionBits = 22;

/** Of a weight's bits, those that the kernels multiply apart from the others. */
const lowBits = 12;

/** For each result pixel where it begins and ends in the source, and its weights as the kernels take them. */
export interface Weights {
  readonly first: Int32Array; // [count]
  readonly end: Int32Array; // [count]
  /** Pairs of neighbors of each result pixel; weights beyond its end are zero. */
  readonly pairs: number;
  /** Of each pair the upper bits of both, then the lower. */
  readonly values: Int16Array; // [count, pairs, 4]
}

/**
 * The weights of `count` result pixels from `begin` on, where a line of `from` pixels becomes one of `to`. The filter is stretched by
 * the scale when shrinking, which is what avoids aliasing. A line that keeps its length is kept as it is.
 */
export function makeWeights(
  from: number,
  to: number,
  interpolation: keyof typeof filters,
  begin: number,
  count: number,
): Weights {
  const filter = filters[from === to ? 'box' : interpolation];
  const scale = from / to;
  const stretch = Math.max(scale, 1);
  const support = filter.support * stretch;
  const first = new Int32Array(count);
  const end = new Int32Array(count);
  let taps = 0;
  for (let i = 0; i < count; i++) {
    const center = (begin + i + 0.5) * scale;
    first[i] = Math.max(0, Math.trunc(center - support + 0.5));
    end[i] = Math.min(from, Math.trunc(center + support + 0.5));
    taps = Math.max(taps, end[i]! - first[i]!);
  }
  const pairs = (taps + 1) >> 1;
  const values = new Int16Array(count * pairs * 4);
  const row = new Float64Array(taps);
  for (let i = 0; i < count; i++) {
    const center = (begin + i + 0.5) * scale;
    const length = end[i]! - first[i]!;
    let sum = 0;
    for (let k = 0; k < length; k++) {
      row[k] = filter.weight((k + first[i]! - center + 0.5) * (1 / stretch));
      sum += row[k]!;
    }
    for (let k = 0, at = i * pairs * 4; k < length; k++, at += k & 1 ? 1 : 3) {
      const fixed = (sum === 0 ? row[k]! : row[k]! / sum) * 2 ** fractionBits;
      const weight = Math.trunc(fixed + (fixed < 0 ? -0.5 : 0.5));
      values[at] = weight >> lowBits;
      values[at + 2] = weight & ((1 << lowBits) - 1);
    }
  }
  return { first, end, pairs, values };
}
