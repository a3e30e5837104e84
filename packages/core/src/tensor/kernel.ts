import * as tf from '@tensorflow/tfjs-core';
import { markCopy } from '../quantized/quantized.ts';
import type { Tensors } from './tensors.ts';
import { runKernel, savedFor, tapeOnlyFirst } from './tfjs.ts';

/** The outputs of a fused op: the result, and tensors for its gradient. */
export type Outputs = [result: tf.Tensor, ...others: tf.Tensor[]];
export type OpAttributes = Record<string, number | string | boolean | number[]>;

/**
 * A fused op: a kernel name, a reference of plain TensorFlow.js ops, and a gradient. The first output is the result; others
 * are saved for the gradient, and have no gradient themselves.
 */
export interface FusedOp<
  In extends Tensors = Tensors,
  Out extends Outputs = Outputs,
  Saved extends readonly tf.Tensor[] = readonly tf.Tensor[],
> {
  /** The kernel name under which a backend may register a faster kernel: see {@link runFused}. */
  name: string;
  /** The reference: plain ops. Runs in a tidy, off the tape. */
  reference(inputs: In, attributes: OpAttributes): Out;
  /** Gradients by input name, each computed on demand. Absent for ops that are gradients themselves. */
  gradient?: {
    saveInputs: string[];
    /** For each output, whether the gradient needs it. */
    saveOutputs?: boolean[];
    /** `dy`: of the result. `saved`: the inputs, then the outputs, that were asked for. */
    backward(dy: tf.Tensor, saved: Saved, attributes: OpAttributes): Record<string, () => tf.Tensor>;
  };
}

/**
 * Runs a fused op as one kernel of the current backend.
 *
 * A backend that has registered a kernel under `op.name` (the recording backend of `@peft/compile`, fused wasm or WebGPU
 * kernels) runs that; on any other the reference is registered on first use. Model code is the same everywhere.
 */
export function runFused<In extends Tensors, Out extends Outputs, Saved extends readonly tf.Tensor[]>(
  op: FusedOp<In, Out, Saved>,
  inputs: In,
  attributes: OpAttributes = {},
): Out {
  const backendName = tf.getBackend();
  if (!tf.getKernel(op.name, backendName)) {
    tf.registerKernel({
      kernelName: op.name,
      backendName,
      kernelFunc: ({ inputs, attrs }) => tf.tidy(() => op.reference(inputs as In, attrs as unknown as OpAttributes)),
    });
  }
  const { gradient } = op;
  if (gradient && !tf.getGradient(op.name)) {
    tf.registerGradient({
      kernelName: op.name,
      inputsToSave: gradient.saveInputs,
      outputsToSave: gradient.saveOutputs ?? [],
      gradFunc: (dy, saved, attrs) =>
        gradient.backward(dy as tf.Tensor, saved as readonly tf.Tensor[] as Saved, attrs as unknown as OpAttributes),
    });
  }
  const outputs = runKernel(op.name, inputs, attributes as tf.NamedAttrMap) as Out;
  if (!gradient) return outputs;
  tapeOnlyFirst(outputs);
  const saved = savedFor(outputs[0]);
  for (const [i, name] of gradient.saveInputs.entries()) {
    const [input, kept] = [inputs[name], saved[i]];
    if (input && kept) markCopy(input, kept);
  }
  return outputs;
}
