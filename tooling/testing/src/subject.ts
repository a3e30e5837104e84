import {
  type AdaptedModel,
  type Adapter,
  adapt,
  type Engine,
  key,
  type MethodFactory,
  type Module,
  type Parameter,
  parameters,
} from '@peft/core';
import type * as tf from '@tensorflow/tfjs-core';
import { network as net, run } from './net.ts';

/** The properties of a method that the checks verify. */
export interface Expectations {
  /** Whether it folds into the base weights. */
  mergeable: boolean;
  /** Whether Python peft could read its files: then they must do without `peft.json`. */
  portable: boolean;
  /** Rounds nothing: it starts bit by bit as the base, and is bit by bit the same without `peft.json`. */
  exact?: boolean;
  /** Holds a term constant in its gradient on purpose, so that finite differences cannot agree. */
  detaches?: boolean;
  /**
   * The names of its tensors that have a gradient at the start, where the others wait for the first step: `['B']`. Not given,
   * some have one.
   */
  first?: readonly string[];
}

/** A method on a network, as the checks test it. */
export interface Subject extends Expectations {
  /** The same network each time. */
  network(): Module;
  /** Two samples for it. */
  input(): tf.Tensor;
  /** The network with an adapter of the method, `default`; the same each time. */
  attach(): Promise<AdaptedModel>;
  /** The factories that read its files. */
  readonly readers: readonly MethodFactory[];
  /** Another engine than the eager one, if there is one to compare with: the same each time. */
  readonly engine?: () => Promise<Engine>;
}

/** The model's output on the subject's input. */
export const output = (subject: Subject, model: { call(x: tf.Tensor): tf.Tensor }): Promise<number[]> =>
  run(model, () => subject.input());

/** Moves every trained tensor away from where it is. */
async function move(adapter: Adapter): Promise<void> {
  for (const [, parameter] of adapter.parameters()) {
    if (!parameter.fixed) parameter.set((await parameter.get()).map((value, i) => value + 0.5 * Math.cos(i * i + 1)));
  }
}

/** The subject as if it had been trained. */
export async function moved(subject: Subject): Promise<AdaptedModel> {
  const model = await subject.attach();
  await move(model.get('default'));
  return model;
}

/** A network with an adapter whose every trained tensor has moved away from its start. */
export async function movedAdapter<Options>(
  factory: MethodFactory<Options>,
  options: Options,
  network: () => Module = net,
): Promise<{ model: AdaptedModel; adapter: Adapter }> {
  const model = adapt(network());
  const adapter = await model.add('default', factory(options), { key: key(3) });
  await move(adapter);
  return { model, adapter };
}

/** Values by path. */
export async function valuesOf(all: Iterable<[string, Parameter]>): Promise<Record<string, Float32Array>> {
  const read = async ([path, { ownValue }]: [string, Parameter]) =>
    [path, Float32Array.from(await ownValue.data())] as const;
  return Object.fromEntries(await Promise.all([...all].map(read)));
}

/** The frozen weights, even where an adapter's copy is in use. */
export const weights = ({ base }: AdaptedModel): Promise<Record<string, Float32Array>> => valuesOf(parameters(base));
