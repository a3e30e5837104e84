import { check } from '../errors.ts';

/**
 * The weight of a linear map in 8 bits with a scale for each output: `W[k, n] = values[n, k] scales[n]`.
 *
 * Symmetric, without a zero point: the layout of `int-quantized` weights in compressed-tensors.
 */
export interface QuantizedMatrix {
  /** `[out, in]`, row-major, as files store a weight. From -127 to 127. */
  readonly values: Int8Array<ArrayBuffer>;
  /** `[out]`, positive. */
  readonly scales: Float32Array<ArrayBuffer>;
}

/** The largest magnitude: -128 is left out, so that the range is symmetric. */
export const largest = 127;

/** The scale of a row without a number other than zero, which any would do for. */
const smallestScale = 2 ** -126;

/** Adding it to a float32 number below 2^22 and taking it away again rounds to the nearest integer, ties to even. */
const rounding = 1.5 * 2 ** 23;

/** The largest magnitude in `values[begin, end)`. */
function magnitudeOf(values: Float32Array, begin: number, end: number): number {
  let most = 0;
  for (let i = begin; i < end; i++) {
    const magnitude = Math.abs(values[i]!);
    if (magnitude > most) most = magnitude;
  }
  return most;
}

/** The scale with which numbers up to `magnitude` reach `steps`. */
const scaleFor = (magnitude: number, steps: number): number => Math.max(Math.fround(magnitude / steps), smallestScale);

/** Writes `values[begin, end) / scale`, rounded to nearest even. */
function roundInto(
  target: Int8Array,
  values: Float32Array,
  { begin, end, scale, steps }: { begin: number; end: number; scale: number; steps: number },
): void {
  const fround = Math.fround;
  for (let i = begin; i < end; i++) {
    const rounded = fround(fround(values[i]! / scale + rounding) - rounding);
    target[i] = rounded > steps ? steps : rounded < -steps ? -steps : rounded;
  }
}

/**
 * Rounds a weight to 8 bits, each output with a scale of its own: its largest magnitude becomes 127.
 *
 * @param values `[out, in]`, row-major
 */
export function quantizeMatrix(values: Float32Array, outFeatures: number): QuantizedMatrix {
  const width = values.length / outFeatures;
  const rounded = new Int8Array(values.length);
  const scales = new Float32Array(outFeatures);
  for (let row = 0; row < outFeatures; row++) {
    const [begin, end] = [row * width, (row + 1) * width];
    const scale = scaleFor(magnitudeOf(values, begin, end), largest);
    scales[row] = scale;
    roundInto(rounded, values, { begin, end, scale, steps: largest });
  }
  return { values: rounded, scales };
}

/** The float32 numbers that a quantized weight stands for, `[out, in]`. */
export function dequantizeMatrix({ values, scales }: QuantizedMatrix): Float32Array<ArrayBuffer> {
  const width = values.length / scales.length;
  const wide = new Float32Array(values.length);
  for (let row = 0; row < scales.length; row++) {
    const scale = scales[row]!;
    for (let i = row * width; i < (row + 1) * width; i++) wide[i] = values[i]! * scale;
  }
  return wide;
}

/** Consecutive inputs of one output that share a scale in 4 bits. */
export const blockSize = 32;

/** The largest magnitude in 4 bits. */
const largest4 = 7;

/** A weight in 4 bits: `W[k, n] = values[n, k] scales[n, floor(k / 32)]`. */
export interface BlockQuantizedMatrix {
  /** `[out, in]`, row-major. From -7 to 7. */
  readonly values: Int8Array<ArrayBuffer>;
  /** `[out, in / 32]` */
  readonly scales: Float32Array<ArrayBuffer>;
}

/** Whether a weight of this many inputs can be kept in 4 bits. */
export const fitsBlocks = (inFeatures: number): boolean => inFeatures % blockSize === 0;

/**
 * Rounds a weight to 4 bits, each 32 inputs of an output with a scale of their own, which `roundScale` rounds as it will be stored.
 *
 * @param values `[out, in]`, row-major
 * @throws PeftError `not-supported` for a width that 32 does not divide
 */
export function quantizeBlocks(
  values: Float32Array,
  outFeatures: number,
  roundScale: (scale: number) => number,
): BlockQuantizedMatrix {
  const width = values.length / outFeatures;
  check(fitsBlocks(width), 'not-supported', () => {
    return `A weight of ${width} inputs cannot be kept in 4 bits, in blocks of ${blockSize}; keep it in 8.`;
  });
  const rounded = new Int8Array(values.length);
  const scales = new Float32Array(values.length / blockSize);
  for (let block = 0; block < scales.length; block++) {
    const [begin, end] = [block * blockSize, (block + 1) * blockSize];
    const scale = Math.max(roundScale(magnitudeOf(values, begin, end) / largest4), smallestScale);
    scales[block] = scale;
    roundInto(rounded, values, { begin, end, scale, steps: largest4 });
  }
  return { values: rounded, scales };
}

/** The float32 numbers that a weight in 4 bits stands for, `[out, in]`. */
export function dequantizeBlocks({ values, scales }: BlockQuantizedMatrix): Float32Array<ArrayBuffer> {
  const wide = new Float32Array(values.length);
  for (let i = 0; i < wide.length; i++) wide[i] = values[i]! * scales[Math.floor(i / blockSize)]!;
  return wide;
}

/** The transpose of `[rows, columns]`, in squares that fit into the cache. */
export function transposeBytes(bytes: Int8Array, rows: number): Int8Array<ArrayBuffer> {
  const columns = bytes.length / rows;
  const turned = new Int8Array(bytes.length);
  const side = 64;
  for (let top = 0; top < rows; top += side) {
    const bottom = Math.min(top + side, rows);
    for (let left = 0; left < columns; left += side) {
      const right = Math.min(left + side, columns);
      for (let c = left; c < right; c++)
        for (let r = top; r < bottom; r++) turned[c * rows + r] = bytes[r * columns + c]!;
    }
  }
  return turned;
}
