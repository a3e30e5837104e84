import { PeftError } from '../errors.ts';
import type { StoredTensor } from './safetensors.ts';

/** Bytes of one element, by type: every type of the format, widest first and then in the order of its reference writer. */
export const bytesPerElement = {
  U64: 8,
  I64: 8,
  F64: 8,
  C64: 8,
  F32: 4,
  U32: 4,
  I32: 4,
  BF16: 2,
  F16: 2,
  U16: 2,
  I16: 2,
  F8_E8M0: 1,
  F8_E4M3: 1,
  F8_E5M2: 1,
  I8: 1,
  U8: 1,
  F6_E3M2: 0.75,
  F6_E2M3: 0.75,
  F4: 0.5,
  BOOL: 1,
} as const;

/** The type of a stored tensor's elements. A file may hold any; {@link toFloat32} and {@link toInt32} say which they read. */
export type StoredDtype = keyof typeof bytesPerElement;

export const isDtype = (name: string): name is StoredDtype => Object.hasOwn(bytesPerElement, name);

/** The bytes at an address that is a multiple of `alignment`; copied only if they are not there already. */
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
    const scaled = new Float32Array(new Uint32Array([magnitude]).buffer)[0] * 2 ** 24;
    const floor = Math.floor(scaled);
    const up = scaled - floor > 0.5 || (scaled - floor === 0.5 && floor % 2 === 1);
    return sign | (floor + (up ? 1 : 0));
  }
  const rounded = magnitude - 0x38000000 + 0xfff + ((magnitude >>> 13) & 1);
  return sign | (rounded >>> 13);
}

/**
 * The numbers of a stored tensor as float32. F32 is a view where alignment allows, everything else a copy: F64 rounded, F16,
 * BF16, and the integers that {@link toInt32} reads.
 *
 * @throws PeftError `bad-file` for another type
 */
export function toFloat32({ dtype, bytes }: StoredTensor): Float32Array {
  const size = bytes.length / bytesPerElement[dtype];
  switch (dtype) {
    case 'F32': {
      const { buffer, byteOffset } = aligned(bytes, 4);
      return new Float32Array(buffer, byteOffset, size);
    }
    case 'F64': {
      const { buffer, byteOffset } = aligned(bytes, 8);
      return Float32Array.from(new Float64Array(buffer, byteOffset, size));
    }
    case 'F16': {
      const { buffer, byteOffset } = aligned(bytes, 2);
      const table = halfTable();
      const source = new Uint16Array(buffer, byteOffset, size);
      const values = new Float32Array(size);
      for (let i = 0; i < size; i++) values[i] = table[source[i]];
      return values;
    }
    case 'BF16': {
      const { buffer, byteOffset } = aligned(bytes, 2);
      const source = new Uint16Array(buffer, byteOffset, size);
      const bits = new Uint32Array(size);
      for (let i = 0; i < size; i++) bits[i] = source[i] << 16;
      return new Float32Array(bits.buffer);
    }
    default:
      return Float32Array.from(toInt32({ dtype, shape: [size], bytes }));
  }
}

/**
 * The numbers of a stored I32, I64, U8, I8, I16, U16 or BOOL tensor.
 *
 * @throws PeftError `bad-file` where an I64 does not fit, and for another type
 */
export function toInt32({ dtype, bytes }: StoredTensor): Int32Array {
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
    case 'U16': {
      const { buffer, byteOffset } = aligned(bytes, 2);
      return Int32Array.from(new Uint16Array(buffer, byteOffset, size));
    }
    case 'I16': {
      const { buffer, byteOffset } = aligned(bytes, 2);
      return Int32Array.from(new Int16Array(buffer, byteOffset, size));
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
  for (let i = 0; i < bits.length; i++) rounded[i] = round(bits[i]);
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
