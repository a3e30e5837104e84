import type { DataType, NamedAttrMap, NamedTensorInfoMap, TensorInfo } from '@tensorflow/tfjs-core';
import type { Heap } from './heap.ts';

export type Outputs = TensorInfo | TensorInfo[];

/** A kernel: TensorFlow.js' name for it and its function. */
export interface FastKernel {
  readonly name: string;
  /** Returns `undefined` to leave a rare case to the kernel registered before. */
  run(heap: Heap, inputs: NamedTensorInfoMap, attributes: NamedAttrMap): Outputs | undefined;
}

/** Names the inputs and attributes that TensorFlow.js passes to the kernel `name`. */
export const fastKernel = <Inputs extends object, Attributes extends object = object>(
  name: string,
  run: (heap: Heap, inputs: Inputs, attributes: Attributes) => Outputs | undefined,
): FastKernel => ({ name, run: (heap, inputs, attributes) => run(heap, inputs as Inputs, attributes as Attributes) });

export const sizeOf = (shape: readonly number[]): number => shape.reduce((size, length) => size * length, 1);

export const allOf = (dtype: DataType, ...tensors: (TensorInfo | undefined)[]): boolean =>
  tensors.every(tensor => !tensor || tensor.dtype === dtype);

/** Whether elements take 4 bytes, so that a copy need not know their dtype. */
export const isWord = ({ dtype }: TensorInfo): boolean => dtype === 'float32' || dtype === 'int32';
