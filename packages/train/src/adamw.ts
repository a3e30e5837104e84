import { check, type HostTensor, type Parameter } from '@peft/core';
import * as tf from '@tensorflow/tfjs-core';

export interface AdamWOptions {
  /** Learning rate. */
  lr: number;
  /** Decoupled weight decay. */
  weightDecay?: number;
  beta1?: number;
  beta2?: number;
  epsilon?: number;
}

/** What changes from one update to the next. */
export type UpdateScalars<T> = {
  /** `1 - lr * weightDecay`, which the parameters are multiplied by. */
  readonly keep: T;
  /** `lr / (1 - beta1^t)` */
  readonly stepSize: T;
  /** `sqrt(1 - beta2^t)` */
  readonly rootCorrection: T;
};

/**
 * AdamW over all parameters at once (Loshchilov and Hutter 2019, arXiv 1711.05101), by the formula of `torch.optim.AdamW`.
 *
 * Parameters and moments are one vector each, so an update is one short chain of ops however many tensors there are. What
 * changes from step to step comes in as scalars, so a step can be recorded.
 */
export class AdamW {
  readonly options: Required<AdamWOptions>;
  readonly parameters: readonly Parameter[];
  readonly m: tf.Variable;
  readonly v: tf.Variable;

  constructor(parameters: readonly Parameter[], options: AdamWOptions) {
    this.options = { weightDecay: 0, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, ...options };
    this.parameters = parameters;
    const size = parameters.reduce((sum, parameter) => sum + parameter.size, 0);
    check(size > 0, 'state', () => 'There is nothing to train: no parameter is trainable.');
    [this.m, this.v] = [moments(size), moments(size)];
  }

  /** The inputs of step `t`, counted from 1, with a learning rate. Bias corrections are computed in double precision. */
  inputs(t: number, lr: number): UpdateScalars<HostTensor> {
    const { beta1, beta2, weightDecay } = this.options;
    return {
      keep: scalar(1 - lr * weightDecay),
      stepSize: scalar(lr / (1 - beta1 ** t)),
      rootCorrection: scalar(Math.sqrt(1 - beta2 ** t)),
    };
  }

  /** Updates parameters and moments. `gradient` is that of all parameters, concatenated, `[P]`. */
  update(gradient: tf.Tensor, { keep, stepSize, rootCorrection }: UpdateScalars<tf.Tensor>): void {
    const { beta1, beta2, epsilon } = this.options;
    tf.tidy(() => {
      const m = tf.add(tf.mul(this.m, beta1), tf.mul(gradient, 1 - beta1));
      const v = tf.add(tf.mul(this.v, beta2), tf.mul(tf.square(gradient), 1 - beta2));
      const direction = tf.div(m, tf.add(tf.div(tf.sqrt(v), rootCorrection), epsilon));
      const moved = tf.sub(
        tf.mul(flatten(this.parameters.map(({ value }) => value)), keep),
        tf.mul(direction, stepSize),
      );
      this.m.assign(m as tf.Tensor1D);
      this.v.assign(v as tf.Tensor1D);
      let begin = 0;
      for (const { value, size } of this.parameters) {
        value.assign(tf.reshape(tf.slice(moved, [begin], [size]), value.shape));
        begin += size;
      }
    });
  }

  dispose(): void {
    this.m.dispose();
    this.v.dispose();
  }
}

function moments(size: number): tf.Variable {
  const zero = tf.zeros([size]);
  const variable = tf.variable(zero, false);
  zero.dispose();
  return variable;
}

const scalar = (value: number): HostTensor => ({ data: Float32Array.of(value), shape: [] });

/** Concatenates tensors, `[P]`. */
export function flatten(tensors: readonly tf.Tensor[]): tf.Tensor1D {
  const flat = tensors.map(tensor => tf.reshape(tensor, [-1]) as tf.Tensor1D);
  const [first, second] = flat;
  return first && !second ? first : tf.concat(flat);
}
