import type { Recorder } from '../record/recorder.ts';
import type { Value } from '../record/value.ts';

/** The inputs of a kernel by name. */
export type Values<Name extends string = string> = Record<Name, Value>;

/** Records one kernel of TensorFlow.js as ONNX nodes. Shapes and types are those of TensorFlow.js. */
export type Kernel<In = Values, A = unknown> = (inputs: In, attributes: A, recorder: Recorder) => Value | Value[];

/** Kernels by name. Each has its own types of inputs and attributes, so the table has none. */
export type KernelTable = Record<string, Kernel<never, never>>;
