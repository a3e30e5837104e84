import type { Recorder } from '../record/recorder.ts';
import type { Value } from '../record/value.ts';

export type KernelInputs = Record<string, Value>;

/** Records one kernel of TensorFlow.js as ONNX nodes. Shapes and types are those of TensorFlow.js. */
export type Kernel<A = unknown> = (inputs: KernelInputs, attributes: A, recorder: Recorder) => Value | Value[];

/** Kernels by name. Each has its own type of attributes, so the table has none. */
export type KernelTable = Record<string, Kernel<never>>;
