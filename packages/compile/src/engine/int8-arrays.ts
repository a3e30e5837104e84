import { quantizedWeight, transposeBytes } from '@peft/core/engine';
import type * as tf from '@tensorflow/tfjs-core';
import type { Form } from '../record/record.ts';
import type { HostArray } from './runner.ts';

/** Makers of the arrays of a weight in 8 bits by form; undefined if it is not kept so. */
export async function int8Arrays(dataId: tf.DataId): Promise<Partial<Record<Form, () => HostArray>> | undefined> {
  const quantized = await quantizedWeight(dataId)?.read();
  if (!quantized) return undefined;
  const { values, scales } = quantized;
  return {
    'int8-values': () => transposeBytes(values, scales.length),
    'int8-transposed': () => values.slice(),
    'int8-scales': () => scales.slice(),
  };
}
