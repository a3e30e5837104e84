import { describe, expect, test } from 'vitest';
import { fromFloat32, roundToHalf, toFloat32, toInt32 } from '../files/dtype.ts';
import { parseSafetensors, serializeSafetensors } from '../files/safetensors.ts';
import type { StoredTensor } from '../files/stored-tensor.ts';
import { drawNormal, key } from '../tensor/random.ts';
import { dequantizeBlocks, dequantizeMatrix, quantizeBlocks, quantizeMatrix } from './matrix.ts';
import { storeInt4, storeInt8, widenQuantized } from './stored.ts';

const [out, width] = [6, 64];
const weight = drawNormal(key(1), out * width);
const int8 = quantizeMatrix(weight, out);
const int4 = quantizeBlocks(weight, out, roundToHalf);

const bias = ['a.bias', fromFloat32(new Float32Array(out), [out])] as const;

/** Tensors as they come back from a file. */
const filed = (entries: Iterable<readonly [string, StoredTensor]>): Map<string, StoredTensor> =>
  parseSafetensors(serializeSafetensors(new Map(entries), {}), 'here').tensors;

const inInt8 = () => filed([bias, ...storeInt8('a.weight', int8, [out, width])]);
const inInt4 = () => filed([bias, ...storeInt4('a.weight', int4, out)]);

describe('8 bits', () => {
  test('are stored as bytes with a scale for each output', () => {
    const stored = inInt8();
    expect([...stored].map(([name, { dtype, shape }]) => `${name} ${dtype} ${shape}`).sort()).toEqual([
      'a.bias F32 6',
      'a.weight I8 6,64',
      'a.weight_scale F32 6,1',
    ]);
    expect(toInt32(stored.get('a.weight')!)).toEqual(Int32Array.from(int8.values));
  });

  test('are read as they were, with their numbers in float32', async () => {
    const { tensors, dtype } = widenQuantized(inInt8(), 'here');
    expect(dtype).toBe('int8');
    expect([...tensors.keys()].sort()).toEqual(['a.bias', 'a.weight']);
    const read = tensors.get('a.weight')!;
    expect(await read.quantized?.read()).toEqual(int8);
    expect(toFloat32(read)).toEqual(dequantizeMatrix(int8));
    expect(toFloat32({ ...read, bytes: await read.read!() })).toEqual(dequantizeMatrix(int8));
  });

  test('that hold -128, as others write it, are rounded anew', () => {
    const values = int8.values.slice();
    values[0] = -128;
    const { tensors } = widenQuantized(filed(storeInt8('a.weight', { ...int8, values }, [out, width])), 'here');
    const { values: found, scales } = tensors.get('a.weight')!.quantized!.readSync();
    expect(found[0]! * scales[0]!).toBeCloseTo(-128 * int8.scales[0]!, 5);
    expect(found[0]).toBe(-127);
  });
});

describe('4 bits', () => {
  test('are stored eight to an integer, from the lowest bits up, with a scale for each 32 inputs', () => {
    const stored = inInt4();
    expect([...stored].map(([name, { dtype, shape }]) => `${name} ${dtype} ${shape}`).sort()).toEqual([
      'a.bias F32 6',
      'a.weight_packed I32 6,8',
      'a.weight_scale F16 6,2',
      'a.weight_shape I64 2',
    ]);
    const first = BigInt.asUintN(32, BigInt(toInt32(stored.get('a.weight_packed')!)[0]!));
    const numbers = Array.from({ length: 8 }, (_, i) => Number((first >> BigInt(4 * i)) & 15n) - 8);
    expect(numbers).toEqual([...int4.values.subarray(0, 8)]);
  });

  test('are read and kept in 8', () => {
    const { tensors, dtype } = widenQuantized(inInt4(), 'here');
    expect(dtype).toBe('int4');
    expect([...tensors.keys()].sort()).toEqual(['a.bias', 'a.weight']);
    expect(tensors.get('a.weight')!.quantized!.readSync()).toEqual(quantizeMatrix(dequantizeBlocks(int4), out));
  });
});

describe('what is wrong is named', () => {
  const without = (name: string, tensors: Map<string, StoredTensor>) => {
    tensors.delete(name);
    return () => widenQuantized(tensors, 'here');
  };
  test('scales of another shape, or none', () => {
    const stored = inInt8();
    stored.set('a.weight_scale', fromFloat32(int8.scales.subarray(1), [out - 1, 1]));
    expect(() => widenQuantized(stored, 'here')).toThrow('here: a.weight_scale has shape [5,1]; it must be [6,1].');
    expect(without('a.weight_scale', inInt4())).toThrow('here has no a.weight_scale');
    expect(without('a.weight_shape', inInt4())).toThrow('here has no a.weight_shape');
  });

  test('a scale that is no positive number', () => {
    for (const wrong of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
      const scales = int8.scales.slice();
      scales[2] = wrong;
      const { tensors } = widenQuantized(filed(storeInt8('a.weight', { ...int8, scales }, [out, width])), 'here');
      expect(() => tensors.get('a.weight')!.bytes).toThrow(`here: a.weight_scale holds ${wrong}`);
    }
  });
});
