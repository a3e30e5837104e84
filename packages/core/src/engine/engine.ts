import type { Tensors } from '../tensor/tensors.ts';

/** A tensor outside any backend, row-major. */
export interface HostTensor<Data extends Float32Array | Int32Array = Float32Array | Int32Array> {
  readonly data: Data;
  readonly shape: readonly number[];
}

export type HostTensors = Record<string, HostTensor>;

/** The same names, outside any backend. */
export type OnHost<T> = { [Name in keyof T]: HostTensor };

/**
 * One step: tensors in, tensors out. The `tf.Variable`s that it assigns are its state, those that it only reads its weights.
 * An engine can record it because it reads no values back, creates no variable, and draws random numbers only from the
 * current scope.
 */
export type Step<In extends Tensors = Tensors, Out extends Tensors = Tensors> = (inputs: In) => Out;

/** A step compiled by an engine. */
export interface CompiledStep<In extends Tensors = Tensors, Out extends Tensors = Tensors> {
  /**
   * Runs the step once. Results are float32 or int32; booleans are 0 and 1.
   *
   * @param seed seeds the step's random numbers: a new one for each run; not needed by steps that draw none
   * @throws PeftError if the step draws random numbers and there is no seed
   */
  run(inputs: OnHost<In>, seed?: number): Promise<OnHost<Out>>;
  dispose(): Promise<void>;
}

/**
 * Compiles and runs steps. All steps of one engine share its copy of the variables, so an evaluation step sees the weights
 * that a training step wrote.
 */
export interface Engine {
  /** For people: `onnxruntime-node (cpu, 2 threads)`, `tfjs wasm`. */
  readonly name: string;
  compile<In extends Tensors, Out extends Tensors>(step: Step<In, Out>): CompiledStep<In, Out>;
  /**
   * Copies the engine's state back into the `tf.Variable`s, for saving and for eager use. A variable that was assigned in the
   * meantime keeps that value, and the next run uses it.
   */
  sync(): Promise<void>;
  /** Tells the engine that the code of its steps does something else now: each is recorded again at its next run. */
  invalidate(): void;
  dispose(): Promise<void>;
}
