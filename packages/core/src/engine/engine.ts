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
  /**
   * Runs once. Values come as float32 or int32; those of booleans are 0 and 1.
   *
   * @param seed where the step's random numbers come from, another for each run; steps without any need none
   * @throws PeftError if the step draws random numbers and there is no seed
   */
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
  /**
   * Copies the engine's state back into the `tf.Variable`s, for saving and for eager use. A variable that was assigned since
   * keeps what it was given, and the next run takes that up.
   */
  sync(): Promise<void>;
  /** Tells the engine that the steps themselves have changed, so that each is recorded anew when it next runs. */
  invalidate(): void;
  dispose(): Promise<void>;
}
