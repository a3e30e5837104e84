import type { DataType, NamedAttrMap, NamedTensorInfoMap, TensorInfo } from '@tensorflow/tfjs-core';
import type { Heap } from './heap.ts';

export type Outputs = TensorInfo | TensorInfo[];

/** One kernel: TensorFlow.js' name for it, and what it computes. */
export interface FastKernel {
  readonly name: string;
  /** `undefined` leaves a rare case to the kernel that was registered before. */
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

/** Whether elements take 4 bytes, so that moving them does not depend on their type. */
export const isWord = ({ dtype }: TensorInfo): boolean => dtype === 'float32' || dtype === 'int32';
