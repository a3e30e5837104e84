import type * as tf from '@tensorflow/tfjs-core';

/** A tensor outside any backend. */
export interface HostTensor {
  readonly data: Float32Array | Int32Array;
  readonly shape: readonly number[];
}

export type HostTensors = Record<string, HostTensor>;

/**
 * One step: tensors in, tensors out. The `tf.Variable`s that it assigns are its state, those that it only reads its weights.
 * An engine can record it because it reads no values back, creates no variable, and draws random numbers only from the
 * current scope.
 */
export type Step = (inputs: Record<string, tf.Tensor>) => Record<string, tf.Tensor>;

/** A step compiled by an engine. */
export interface CompiledStep {
  /**
   * Runs the step once. Results are float32 or int32; booleans are 0 and 1.
   *
   * @param seed seeds the step's random numbers: a new one for each run; not needed by steps that draw none
   * @throws PeftError if the step draws random numbers and there is no seed
   */
  run(inputs: HostTensors, seed?: number): Promise<HostTensors>;
  dispose(): Promise<void>;
}

/**
 * Compiles and runs steps. All steps of one engine share its copy of the variables, so an evaluation step sees the weights
 * that a training step wrote.
 */
export interface Engine {
  /** For people: `onnxruntime-node (cpu, 2 threads)`, `tfjs wasm`. */
  readonly name: string;
  compile(step: Step): CompiledStep;
  /**
   * Copies the engine's state back into the `tf.Variable`s, for saving and for eager use. A variable that was assigned in the
   * meantime keeps that value, and the next run uses it.
   */
  sync(): Promise<void>;
  /** Tells the engine that the code of its steps does something else now: each is recorded again at its next run. */
  invalidate(): void;
  dispose(): Promise<void>;
}
