import { type Interpolation, PeftError } from '@peft/core';
import { defaultMaxPixels } from './limits.ts';
import type { Picture } from './picture.ts';

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

/** For each result pixel the first source pixel, and integer weights (`taps` a pixel, zeros at the end). */
interface Weights {
  readonly first: Int32Array; // [to]
  readonly count: Int32Array; // [to]
  readonly values: Int32Array; // [to, taps]
  readonly taps: number;
}

/** The filter is stretched by the scale when shrinking, which is what avoids aliasing. */
function makeWeights(from: number, to: number, filter: Filter): Weights {
  const scale = from / to;
  const stretch = Math.max(scale, 1);
  const support = filter.support * stretch;
  const taps = Math.ceil(support) * 2 + 1;
  const weights: Weights = {
    first: new Int32Array(to),
    count: new Int32Array(to),
    values: new Int32Array(to * taps),
    taps,
  };
  for (let i = 0; i < to; i++) {
    const center = (i + 0.5) * scale;
    const first = Math.max(0, Math.trunc(center - support + 0.5));
    const count = Math.min(from, Math.trunc(center + support + 0.5)) - first;
    const row = Array.from({ length: count }, (_, k) => filter.weight((k + first - center + 0.5) * (1 / stretch)));
    const sum = row.reduce((a, b) => a + b, 0);
    weights.first[i] = first;
    weights.count[i] = count;
    row.forEach((weight, k) => {
      const fixed = (sum === 0 ? weight : weight / sum) * 2 ** fractionBits;
      weights.values[i * taps + k] = Math.trunc(fixed + (fixed < 0 ? -0.5 : 0.5));
    });
  }
  return weights;
}

const half = 1 << (fractionBits - 1);
const toByte = (fixed: number): number => Math.min(255, Math.max(0, fixed >> fractionBits));

/**
 * One pass along one axis. Pixels of a line are `step` bytes apart and lines `stride` bytes; both in the source and in
 * the result.
 */
function resample(
  weights: Weights,
  source: { data: Uint8Array; step: number; stride: number },
  result: { data: Uint8Array; step: number; stride: number },
  lines: number,
): void {
  const { first, count, values, taps } = weights;
  const { data, step } = source;
  for (let line = 0; line < lines; line++) {
    for (let i = 0; i < first.length; i++) {
      let red = half;
      let green = half;
      let blue = half;
      let at = line * source.stride + first[i]! * step;
      const end = i * taps + count[i]!;
      for (let k = i * taps; k < end; k++, at += step) {
        const weight = values[k]!;
        red += data[at]! * weight;
        green += data[at + 1]! * weight;
        blue += data[at + 2]! * weight;
      }
      const to = line * result.stride + i * result.step;
      result.data[to] = toByte(red);
      result.data[to + 1] = toByte(green);
      result.data[to + 2] = toByte(blue);
    }
  }
}

function resizeColumns(picture: Picture, width: number, filter: Filter): Picture {
  const data = new Uint8Array(width * picture.height * 3);
  const source = { data: picture.data, step: 3, stride: picture.width * 3 };
  resample(makeWeights(picture.width, width, filter), source, { data, step: 3, stride: width * 3 }, picture.height);
  return { data, width, height: picture.height };
}

function resizeRows(picture: Picture, height: number, filter: Filter): Picture {
  const stride = picture.width * 3;
  const data = new Uint8Array(stride * height);
  const source = { data: picture.data, step: stride, stride: 3 };
  resample(makeWeights(picture.height, height, filter), source, { data, step: stride, stride: 3 }, picture.width);
  return { data, width: picture.width, height };
}

/** The source positions of `nearest`. They are summed up, not multiplied out, because Pillow's rounding errors count. */
function nearestPositions(from: number, to: number): Int32Array {
  const scale = from / to;
  const positions = new Int32Array(to);
  for (let i = 0, at = scale * 0.5; i < to; i++, at += scale) positions[i] = at;
  return positions;
}

function resizeNearest({ data, ...from }: Picture, width: number, height: number): Picture {
  const columns = nearestPositions(from.width, width);
  const rows = nearestPositions(from.height, height);
  const result = new Uint8Array(width * height * 3);
  for (let y = 0, to = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const at = (rows[y]! * from.width + columns[x]!) * 3;
      result[to++] = data[at]!;
      result[to++] = data[at + 1]!;
      result[to++] = data[at + 2]!;
    }
  }
  return { data: result, width, height };
}

/**
 * Resizes with antialiasing, to the same bytes as Pillow's `Image.resize`: first along rows, then along columns, with
 * weights in 22-bit fixed point and rounding to 8 bits in between.
 *
 * @returns `picture` itself where the size is already right.
 */
export function resize(picture: Picture, width: number, height: number, interpolation: Interpolation): Picture {
  if (!(Number.isInteger(width) && Number.isInteger(height) && width > 0 && height > 0)) {
    throw new PeftError('bad-argument', `resize: ${width}x${height} is not a size; give integers above zero.`);
  }
  if (width === picture.width && height === picture.height) return picture;
  if (width * Math.max(height, picture.height) > defaultMaxPixels) {
    throw new PeftError(
      'bad-argument',
      `resize: ${picture.width}x${picture.height} to ${width}x${height} makes more than ${defaultMaxPixels} pixels; ` +
        'crop the picture, as it is too narrow.',
    );
  }
  if (interpolation === 'nearest') return resizeNearest(picture, width, height);
  const filter = filters[interpolation];
  const wide = width === picture.width ? picture : resizeColumns(picture, width, filter);
  return height === wide.height ? wide : resizeRows(wide, height, filter);
}
