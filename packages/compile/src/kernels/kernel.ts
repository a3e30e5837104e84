import type { Recorder } from '../record/recorder.ts';
import type { Value } from '../record/value.ts';

export type KernelInputs = Record<string, Value>;

/** Records one TensorFlow.js kernel: shapes and types as TensorFlow.js defines them, nodes as ONNX has them. */
export type Kernel<A = unknown> = (inputs: KernelInputs, attributes: A, recorder: Recorder) => Value | Value[];

/** Kernels by name. Each takes attributes of its own type, so a table's attributes are of none in particular. */
export type KernelTable = Record<string, Kernel<never>>;
