import { check } from '../errors.ts';
import { fromFloat32, fromInt32, toFloat32, toInt32 } from '../files/dtype.ts';
import type { StoredTensor } from '../files/stored-tensor.ts';
import {
  type BlockQuantizedMatrix,
  blockSize,
  dequantizeBlocks,
  dequantizeMatrix,
  largest,
  type QuantizedMatrix,
  quantizeMatrix,
} from './matrix.ts';
import type { QuantizedDtype } from './quantize-weights.ts';

/*
 * Quantized weights in safetensors files, in the layouts of compressed-tensors (github.com/vllm-project/compressed-tensors):
 *
 * - 8 bits, `int-quantized`: `x.weight` I8 `[out, ...]` and `x.weight_scale` `[out, 1]`.
 * - 4 bits, `pack-quantized`: `x.weight_packed` I32 `[out, in / 8]`, eight numbers plus 8 in each integer from the lowest bits up;
 *   `x.weight_scale` `[out, in / 32]`; `x.weight_shape` I64 `[out, in]`.
 */

type Entries = [name: string, tensor: StoredTensor][];

/** A weight in 8 bits as tensors of a file. */
export const storeInt8 = (name: string, { values, scales }: QuantizedMatrix, shape: readonly number[]): Entries => [
  [name, { dtype: 'I8', shape, bytes: new Uint8Array(values.buffer, values.byteOffset, values.length) }],
  [`${name}_scale`, fromFloat32(scales, [scales.length, 1])],
];

const perInteger = 8;
const offset = 8;

/** A weight in 4 bits as tensors of a file. Its scales are numbers of half precision. */
export function storeInt4(name: string, { values, scales }: BlockQuantizedMatrix, outFeatures: number): Entries {
  const inFeatures = values.length / outFeatures;
  const packed = new Int32Array(values.length / perInteger);
  for (let i = 0; i < values.length; i++) {
    packed[Math.floor(i / perInteger)]! |= (values[i]! + offset) << (4 * (i % perInteger));
  }
  const shape = new Uint8Array(BigInt64Array.of(BigInt(outFeatures), BigInt(inFeatures)).buffer);
  return [
    [`${name}_packed`, fromInt32(packed, [outFeatures, inFeatures / perInteger])],
    [`${name}_scale`, fromFloat32(scales, [outFeatures, inFeatures / blockSize], 'F16')],
    [`${name}_shape`, { dtype: 'I64', shape: [2], bytes: shape }],
  ];
}

/** The bytes of stored tensors, read aside where they can be. */
type Bytes = readonly [weight: Uint8Array, scale: Uint8Array];

/** A weight whose float32 numbers, and 8 bits, are computed from two tensors of a file when something needs them. */
function quantizedTensor(
  weight: StoredTensor,
  scale: StoredTensor,
  shape: readonly number[],
  decode: (bytes: Bytes) => QuantizedMatrix,
): StoredTensor {
  const readSync = (): QuantizedMatrix => decode([weight.bytes, scale.bytes]);
  const read = async (): Promise<QuantizedMatrix> => {
    const [w, s] = await Promise.all([weight, scale].map(async tensor => tensor.read?.() ?? tensor.bytes));
    return decode([w!, s!]);
  };
  const widened = (matrix: QuantizedMatrix): Uint8Array => fromFloat32(dequantizeMatrix(matrix), shape).bytes;
  return {
    dtype: 'F32',
    shape,
    get bytes() {
      return widened(readSync());
    },
    read: async () => widened(await read()),
    quantized: { read, readSync },
  };
}

function checkScales(scales: Float32Array, name: string, source: string): void {
  const wrong = scales.find(scale => !(scale > 0 && scale < Number.POSITIVE_INFINITY));
  check(wrong === undefined, 'bad-file', () => {
    return `${source}: ${name} holds ${wrong}; a scale is a finite number above zero.`;
  });
}

/** What a file's scales must be: a number for each row, or for each block of each row. */
function checkShape(name: string, found: StoredTensor | undefined, wanted: readonly number[], source: string) {
  const flat = wanted.at(-1) === 1 ? String(wanted.slice(0, 1)) : String(wanted);
  check(found, 'bad-file', () => `${source} has no ${name}, without which the weight cannot be read.`);
  const fits = [flat, String(wanted)].includes(String(found.shape));
  check(fits, 'bad-file', () => `${source}: ${name} has shape [${found.shape}]; it must be [${wanted}].`);
  return found;
}

/** A stored weight in 8 bits. */
function readInt8(name: string, weight: StoredTensor, tensors: ReadonlyMap<string, StoredTensor>, source: string) {
  const [outFeatures = 0] = weight.shape;
  const scaleName = `${name}_scale`;
  const scale = checkShape(scaleName, tensors.get(scaleName), [outFeatures, 1], source);
  return quantizedTensor(weight, scale, weight.shape, ([bytes, scaleBytes]) => {
    const values = new Int8Array(bytes.slice().buffer);
    const scales = Float32Array.from(toFloat32({ ...scale, bytes: scaleBytes }));
    checkScales(scales, scaleName, source);
    const matrix = { values, scales };
    // Others' files may hold -128, which is rounded anew to the symmetric range.
    return values.includes(-largest - 1) ? quantizeMatrix(dequantizeMatrix(matrix), outFeatures) : matrix;
  });
}

/** A stored weight in 4 bits: its numbers are rounded to 8 bits, in which it is kept. */
function readInt4(name: string, packed: StoredTensor, tensors: ReadonlyMap<string, StoredTensor>, source: string) {
  const shapeName = `${name}_shape`;
  const stored = checkShape(shapeName, tensors.get(shapeName), [2], source);
  const [outFeatures = 0, inFeatures = 0] = toInt32(stored);
  checkShape(`${name}_packed`, packed, [outFeatures, inFeatures / perInteger], source);
  const scaleName = `${name}_scale`;
  const scale = checkShape(scaleName, tensors.get(scaleName), [outFeatures, inFeatures / blockSize], source);
  return quantizedTensor(packed, scale, [outFeatures, inFeatures], ([bytes, scaleBytes]) => {
    const integers = toInt32({ ...packed, bytes });
    const values = new Int8Array(outFeatures * inFeatures);
    for (let i = 0; i < values.length; i++) {
      values[i] = ((integers[Math.floor(i / perInteger)]! >>> (4 * (i % perInteger))) & 0xf) - offset;
    }
    const scales = Float32Array.from(toFloat32({ ...scale, bytes: scaleBytes }));
    checkScales(scales, scaleName, source);
    return quantizeMatrix(dequantizeBlocks({ values, scales }), outFeatures);
  });
}

export interface WidenedFile {
  /** The tensors, each quantized weight as one of float32 under its own name, which also has its 8 bits. */
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  /** The fewest bits in which a weight is stored; undefined if none is quantized. */
  readonly dtype: QuantizedDtype | undefined;
}

const packedSuffix = '_packed';

/**
 * Reads the quantized weights of a file, if it has any.
 *
 * @param source the file's name, for errors
 * @throws PeftError `bad-file` for weights whose scales or shapes are missing or wrong
 */
export function widenQuantized(tensors: ReadonlyMap<string, StoredTensor>, source: string): WidenedFile {
  const widened = new Map(tensors);
  let dtype: QuantizedDtype | undefined;
  for (const [name, tensor] of tensors) {
    if (tensor.dtype === 'I8' && tensors.has(`${name}_scale`)) {
      widened.set(name, readInt8(name, tensor, tensors, source));
      widened.delete(`${name}_scale`);
      dtype ??= 'int8';
    } else if (name.endsWith(packedSuffix) && tensor.dtype === 'I32') {
      const weight = name.slice(0, -packedSuffix.length);
      widened.set(weight, readInt4(weight, tensor, tensors, source));
      for (const suffix of [packedSuffix, '_scale', '_shape']) widened.delete(`${weight}${suffix}`);
      dtype = 'int4';
    }
  }
  return { tensors: widened, dtype };
}
