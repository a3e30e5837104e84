import { check, PeftError } from '../errors.ts';
import type { StoredTensor } from './stored-tensor.ts';

/** The element types whose numbers are read. F64 is read only. */
export type StoredDtype = 'F64' | 'F32' | 'F16' | 'BF16' | 'I64' | 'I32' | 'I8' | 'U8' | 'BOOL';

export const bytesPerElement: Record<StoredDtype, number> = {
  F64: 8,
  F32: 4,
  F16: 2,
  BF16: 2,
  I64: 8,
  I32: 4,
  I8: 1,
  U8: 1,
  BOOL: 1,
};

/** Whether a tensor of this type can be read. A file may hold others, which matter only when they are read. */
export const isReadable = (dtype: string): dtype is StoredDtype => Object.hasOwn(bytesPerElement, dtype);

/** The bytes at an address that is a multiple of `alignment`, copied only if needed. */
const aligned = (bytes: Uint8Array, alignment: number): Uint8Array =>
  bytes.byteOffset % alignment === 0 ? bytes : new Uint8Array(bytes); // a Node Buffer's slice() would be a view

const halfToFloat = (half: number): number => {
  const exponent = (half >> 10) & 0x1f;
  const fraction = half & 0x3ff;
  const sign = half & 0x8000 ? -1 : 1;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
};

let halves: Float32Array | undefined;

/** All 65,536 half-precision numbers, made on first use. */
const halfTable = (): Float32Array => {
  halves ??= Float32Array.from({ length: 65536 }, (_, half) => halfToFloat(half));
  return halves;
};

/** Rounds to the nearest half-precision number, ties to even; overflow becomes infinity. */
function floatToHalf(bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00;
  if (magnitude >= 0x477ff000) return sign | 0x7c00;
  if (magnitude < 0x38800000) {
    // Subnormal: the value in units of 2^-24, rounded to even.
    const scaled = new Float32Array(new Uint32Array([magnitude]).buffer)[0]! * 2 ** 24;
    const floor = Math.floor(scaled);
    const up = scaled - floor > 0.5 || (scaled - floor === 0.5 && floor % 2 === 1);
    return sign | (floor + (up ? 1 : 0));
  }
  const rounded = magnitude - 0x38000000 + 0xfff + ((magnitude >>> 13) & 1);
  return sign | (rounded >>> 13);
}

function requireReadable(dtype: string): asserts dtype is StoredDtype {
  check(isReadable(dtype), 'not-supported', () => {
    return `A tensor of type ${dtype} cannot be read; those of ${Object.keys(bytesPerElement).join(', ')} can.`;
  });
}

/** The numbers of a stored tensor as float32. F32 is a view where alignment allows, everything else a copy. */
export function toFloat32({ dtype, bytes }: StoredTensor): Float32Array {
  requireReadable(dtype);
  const size = bytes.length / bytesPerElement[dtype];
  switch (dtype) {
    case 'F64': {
      const { buffer, byteOffset } = aligned(bytes, 8);
      return Float32Array.from(new Float64Array(buffer, byteOffset, size));
    }
    case 'F32': {
      const { buffer, byteOffset } = aligned(bytes, 4);
      return new Float32Array(buffer, byteOffset, size);
    }
    case 'F16': {
      const { buffer, byteOffset } = aligned(bytes, 2);
      const table = halfTable();
      const source = new Uint16Array(buffer, byteOffset, size);
      const values = new Float32Array(size);
      for (let i = 0; i < size; i++) values[i] = table[source[i]!]!;
      return values;
    }
    case 'BF16': {
      const { buffer, byteOffset } = aligned(bytes, 2);
      const source = new Uint16Array(buffer, byteOffset, size);
      const bits = new Uint32Array(size);
      for (let i = 0; i < size; i++) bits[i] = source[i]! << 16;
      return new Float32Array(bits.buffer);
    }
    default:
      return Float32Array.from(toInt32({ dtype, shape: [size], bytes }));
  }
}

/** The numbers of a stored integer tensor. Throws where an I64 does not fit. */
export function toInt32({ dtype, bytes }: StoredTensor): Int32Array {
  requireReadable(dtype);
  const size = bytes.length / bytesPerElement[dtype];
  switch (dtype) {
    case 'I32': {
      const { buffer, byteOffset } = aligned(bytes, 4);
      return new Int32Array(buffer, byteOffset, size);
    }
    case 'I64': {
      const { buffer, byteOffset } = aligned(bytes, 8);
      return Int32Array.from(new BigInt64Array(buffer, byteOffset, size), value => {
        if (value !== BigInt.asIntN(32, value))
          throw new PeftError('bad-file', `I64 value ${value} does not fit 32 bits.`);
        return Number(value);
      });
    }
    case 'I8':
      return Int32Array.from(new Int8Array(bytes.buffer, bytes.byteOffset, size));
    case 'U8':
    case 'BOOL':
      return Int32Array.from(bytes);
    default:
      throw new PeftError('bad-file', `A tensor of type ${dtype} was found where integers are expected.`);
  }
}

const view = (values: Float32Array | Int32Array | Uint16Array): Uint8Array =>
  new Uint8Array(values.buffer, values.byteOffset, values.byteLength);

/** The nearest half-precision number, ties to even. */
export const roundToHalf = (value: number): number =>
  halfToFloat(floatToHalf(new Uint32Array(Float32Array.of(value).buffer)[0]!));

/** Stores float32 numbers as F32 (a view, not a copy), F16 or BF16, rounding to nearest even. */
export function fromFloat32(
  values: Float32Array,
  shape: readonly number[],
  dtype: 'F32' | 'F16' | 'BF16' = 'F32',
): StoredTensor {
  if (dtype === 'F32') return { dtype, shape, bytes: view(values) };
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const round = dtype === 'F16' ? floatToHalf : floatToBfloat;
  const rounded = new Uint16Array(bits.length);
  for (let i = 0; i < bits.length; i++) rounded[i] = round(bits[i]!);
  return { dtype, shape, bytes: view(rounded) };
}

const floatToBfloat = (bits: number): number =>
  (bits & 0x7fffffff) > 0x7f800000 ? (bits >>> 16) | 0x40 : (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;

/** Stores 32-bit integers, as a view. */
export const fromInt32 = (values: Int32Array, shape: readonly number[]): StoredTensor => ({
  dtype: 'I32',
  shape,
  bytes: view(values),
});
