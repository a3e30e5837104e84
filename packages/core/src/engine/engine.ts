import type * as tf from '@tensorflow/tfjs-core';

/** A tensor outside any backend. */
export interface HostTensor {
  readonly data: Float32Array | Int32Array;
  readonly shape: readonly number[];
}

export type HostTensors = Record<string, HostTensor>;

/**
 * One step: tensors in, tensors out. It may assign `tf.Variable`s, which are its state; variables it only reads are its
 * weights. So that it can be recorded, it reads nothing back, makes no variable, and takes random numbers only from the
 * current scope.
 */
export type Step = (inputs: Record<string, tf.Tensor>) => Record<string, tf.Tensor>;

/** A step that an engine has prepared. */
export interface CompiledStep {
  /** Runs once. `seed` is where the step's random numbers come from; steps without any need none. */
  run(inputs: HostTensors, seed?: number): Promise<HostTensors>;
  dispose(): Promise<void>;
}

/**
 * What runs steps. All steps compiled by one engine share its copy of the variables: a training step's new weights are
 * what the evaluation step sees.
 */
export interface Engine {
  /** For people: `onnxruntime-node (cpu, 2 threads)`, `tfjs wasm`. */
  readonly name: string;
  compile(step: Step): CompiledStep;
  /** Copies the engine's state back into the `tf.Variable`s, for saving and for eager use. */
  sync(): Promise<void>;
  /** Tells the engine that variables were assigned outside a step. `structure`: the step itself changed, so record it anew. */
  invalidate(change: 'values' | 'structure'): void;
  dispose(): Promise<void>;
}
