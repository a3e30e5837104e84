import {
  attention,
  dropout,
  type Engine,
  gelu,
  type HostTensors,
  layerNorm,
  linear,
  type Step,
  softmaxCrossEntropy,
} from '@peft/core';
import { checkpointed, valueAndGrads, withScope } from '@peft/core/engine';
import * as tf from '@tensorflow/tfjs-core';
import { expect } from 'vitest';

/** Numbers that look random and are the same in every run. */
export const numbers = (size: number, seed: number): Float32Array =>
  Float32Array.from({ length: size }, (_, i) => Math.sin((i + 1) * 12.9898 + seed * 78.233) * 0.8);

export const batch = 4;
const [tokens, dim, heads, classes] = [5, 8, 2, 3];

/** How the block of the model is called. */
type Call = (block: (x: tf.Tensor) => tf.Tensor, x: tf.Tensor) => tf.Tensor;
const plainCall: Call = (block, x) => block(x);

/** A transformer block with a head, and AdamW in plain ops on variables. */
export function trainer(call = plainCall): { step: Step; variables: tf.Variable[] } {
  let seed = 0;
  const parameter = (...shape: number[]) =>
    tf.variable(tf.tensor(numbers(tf.util.sizeFromShape(shape), ++seed), shape));
  const [gamma, beta] = [tf.variable(tf.ones([dim])), tf.variable(tf.zeros([dim]))];
  const [qkv, qkvBias] = [parameter(dim, 3 * dim), parameter(3 * dim)];
  const [up, upBias, head] = [parameter(dim, 2 * dim), parameter(2 * dim), parameter(2 * dim, classes)];
  const trained = [gamma, beta, qkv, up, upBias, head];
  // m and v of a parameter share their first data, as clones do.
  const slots = trained.map(p => {
    const zeros = tf.zerosLike(p);
    return { m: tf.variable(zeros), v: tf.variable(zeros) };
  });
  const count = tf.variable(tf.scalar(0));

  const block = (x: tf.Tensor): tf.Tensor => {
    const parts = tf.split(linear(layerNorm(x, gamma, beta, 1e-6), qkv, qkvBias), 3, -1);
    const [q, k, v] = parts.map(part => tf.transpose(tf.reshape(part, [-1, tokens, heads, dim / heads]), [0, 2, 1, 3]));
    const mixed = tf.reshape(tf.transpose(attention(q, k, v, 0.5), [0, 2, 1, 3]), [-1, tokens, dim]);
    return dropout(gelu(linear(tf.add(x, mixed), up, upBias)), 0.2, 'mlp.drop');
  };
  const forward = (x: tf.Tensor): tf.Tensor => linear(tf.mean(call(block, x), 1), head);

  const step: Step = ({ x, y, rate }) => {
    const loss = () => tf.mean(softmaxCrossEntropy(forward(x), y, 0.1)) as tf.Scalar;
    const { value, grads } = withScope({ training: true }, () => valueAndGrads(loss, trained));
    const t = tf.add(count, 1);
    count.assign(t as tf.Scalar);
    for (const [i, p] of trained.entries()) {
      const g = grads[i]!;
      const m = tf.add(tf.mul(slots[i].m, 0.9), tf.mul(g, 0.1));
      const v = tf.add(tf.mul(slots[i].v, 0.999), tf.mul(tf.square(g), 0.001));
      slots[i].m.assign(m);
      slots[i].v.assign(v);
      const mHat = tf.div(m, tf.sub(1, tf.pow(0.9, t)));
      const vHat = tf.div(v, tf.sub(1, tf.pow(0.999, t)));
      const update = tf.add(tf.div(mHat, tf.add(tf.sqrt(vHat), 1e-8)), tf.mul(p, 0.01));
      p.assign(tf.sub(p, tf.mul(update, rate)));
    }
    return { loss: value, norm: tf.sqrt(tf.addN(grads.map(g => tf.sum(tf.square(g!))))) };
  };
  return { step, variables: [...trained, ...slots.flatMap(({ m, v }) => [m, v]), count] };
}

export const checkpointedCall: Call = checkpointed;

export const batchOf = (i: number, size = batch): HostTensors => ({
  x: { data: numbers(size * tokens * dim, 100 + i), shape: [size, tokens, dim] },
  y: { data: Int32Array.from({ length: size }, (_, j) => (i + j) % classes), shape: [size] },
  rate: { data: Float32Array.of(0.01), shape: [] },
});

export async function train(
  engine: Engine,
  steps: number,
  sizes = [batch],
  call = plainCall,
): Promise<{ losses: number[]; state: number[][] }> {
  const { step, variables } = trainer(call);
  const compiled = engine.compile(step);
  const losses: number[] = [];
  for (let i = 0; i < steps; i++) {
    const { loss, norm } = await compiled.run(batchOf(i, sizes[i % sizes.length]), i);
    losses.push(loss.data[0], norm.data[0]);
  }
  await engine.sync();
  const state = await Promise.all(variables.map(async variable => [...(await variable.data())]));
  await compiled.dispose();
  tf.dispose(variables);
  return { losses, state };
}

/** Losses to 1e-5 of their size, parameters and moments to 5e-5. */
export function expectSame(
  found: Awaited<ReturnType<typeof train>>,
  expected: Awaited<ReturnType<typeof train>>,
): void {
  for (const [i, loss] of found.losses.entries()) {
    expect(Math.abs(loss - expected.losses[i]) / Math.abs(expected.losses[i])).toBeLessThan(1e-5);
  }
  for (const [i, values] of found.state.entries()) {
    for (const [j, value] of values.entries()) expect(value).toBeCloseTo(expected.state[i][j], 4);
  }
}
