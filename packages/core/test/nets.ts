import * as tf from '@tensorflow/tfjs-core';
import { DropPath, initialize, key, Linear, type Method, Module, type TargetOptions } from '../src/index.ts';
import { type LowRank, lowRankDelta, lowRankDeltaWeight, lowRankParameters } from '../src/method/index.ts';

/** A residual layer with a fused projection. */
export class Layer extends Module {
  readonly qkv = new Linear(4, 6, {
    slices: { q: { start: 0, end: 2 }, k: { start: 2, end: 4 }, v: { start: 4, end: 6 } },
  });
  readonly proj = new Linear(6, 4);
  readonly drop = new DropPath(0);
  forward(x: tf.Tensor): tf.Tensor {
    return tf.add(x, this.drop.call(this.proj.call(tf.tanh(this.qkv.call(x)))));
  }
}

/** The smallest network with everything that paths, slices and heads need. */
export class Net extends Module {
  readonly layers: Layer[];
  readonly head = new Linear(4, 3);
  readonly classifiers = ['head'];

  constructor(depth = 2) {
    super();
    this.layers = Array.from({ length: depth }, () => new Layer());
  }

  forward(x: tf.Tensor): tf.Tensor {
    return this.head.call(this.layers.reduce((h, layer) => layer.call(h), x));
  }
}

export const net = (depth?: number): Net => initialize(new Net(depth), key(1));

export interface LowRankOptions {
  targets: TargetOptions | undefined;
  r?: number;
  modulesToSave?: string[];
  bias?: Method['bias'];
}

/** The plainest method: a low-rank pair at each target, `dW = A B`. */
export const lowRank = ({ targets, r = 2, modulesToSave = [], bias }: LowRankOptions): Method<object, LowRank> => ({
  type: 'low-rank',
  config: { targets, r },
  targets,
  modulesToSave,
  bias,
  parameters: target => lowRankParameters(target, r),
  delta: ({ x, parameters }) => lowRankDelta(x, parameters, 1),
  deltaWeight: ({ parameters }) => lowRankDeltaWeight(parameters, 1),
  mergeable: true,
});

export const x = (): tf.Tensor2D => tf.tensor2d([0.3, -1, 0.5, 2, -0.7, 1, 0.1, -0.4], [2, 4]);

/** Runs a model on {@link x}. */
export async function run(model: { call(x: tf.Tensor): tf.Tensor }): Promise<number[]> {
  const input = x();
  const output = model.call(input);
  const values = [...(await output.data())];
  tf.dispose([input, output]);
  return values;
}

/** The largest difference between two lists of numbers, which must be as long as each other. */
export function difference(a: readonly number[], b: readonly number[]): number {
  if (a.length !== b.length) throw new Error(`${a.length} numbers are compared with ${b.length}.`);
  return Math.max(...a.map((value, i) => Math.abs(value - b[i])));
}
