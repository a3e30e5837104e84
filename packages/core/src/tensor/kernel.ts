import * as tf from '@tensorflow/tfjs-core';
import { runKernel, tapeOnlyFirst } from './tfjs.ts';

/** Named input tensors of a fused op; an optional input is left out. */
export type Inputs = Record<string, tf.Tensor>;
export type OpAttributes = Record<string, number | string | boolean | number[]>;

/**
 * A fused op: a kernel name, a reference of plain TensorFlow.js ops, and a gradient. The first output is the result; others
 * are saved for the gradient, and have no gradient themselves.
 */
export interface FusedOp {
  /** The kernel name under which a backend may register a faster kernel: see {@link runFused}. */
  name: string;
  /** The reference: plain ops. Runs in a tidy, off the tape. */
  reference(inputs: Inputs, attributes: OpAttributes): tf.Tensor | tf.Tensor[];
  /** Gradients by input name, each computed on demand. Absent for ops that are gradients themselves. */
  gradient?: {
    saveInputs: string[];
    /** For each output, whether the gradient needs it. */
    saveOutputs?: boolean[];
    /** `dy`: of the result. `saved`: the inputs, then the outputs, that were asked for. */
    backward(dy: tf.Tensor, saved: tf.Tensor[], attributes: OpAttributes): Record<string, () => tf.Tensor>;
  };
}

/**
 * Runs a fused op as one kernel of the current backend.
 *
 * A backend that has registered a kernel under `op.name` (the recording backend of `@peft/compile`, fused wasm or WebGPU
 * kernels) runs that; on any other the reference is registered on first use. Model code is the same everywhere.
 */
export function runFused(op: FusedOp, inputs: Inputs, attributes: OpAttributes = {}): tf.Tensor[] {
  const backendName = tf.getBackend();
  if (!tf.getKernel(op.name, backendName)) {
    tf.registerKernel({
      kernelName: op.name,
      backendName,
      kernelFunc: ({ inputs, attrs }) =>
        tf.tidy(() => op.reference(inputs as Inputs, attrs as unknown as OpAttributes)) as tf.Tensor,
    });
  }
  const { gradient } = op;
  if (gradient && !tf.getGradient(op.name)) {
    tf.registerGradient({
      kernelName: op.name,
      inputsToSave: gradient.saveInputs,
      outputsToSave: gradient.saveOutputs ?? [],
      gradFunc: (dy, saved, attrs) => gradient.backward(dy as tf.Tensor, saved, attrs as unknown as OpAttributes),
    });
  }
  const outputs = runKernel(op.name, inputs, attributes as tf.NamedAttrMap);
  if (gradient) tapeOnlyFirst(outputs);
  return outputs;
}
