import * as tf from '@tensorflow/tfjs-core';
import { check } from '../errors.ts';
import { type Adaptable, weightOf } from '../method/targets.ts';
import { sameData } from '../tensor/tfjs.ts';
import { byModule } from './activation.ts';
import { type Adapter, type AttachedTarget, sliceWeight, valuesOf } from './adapter.ts';

/** Merges adapters into base weights, and keeps the original weights to undo it. */
export class MergedWeights {
  /** The original weights of the modules that are merged into. */
  readonly #frozen = new Map<Adaptable, tf.Tensor>();
  #adapters: readonly Adapter[] = [];

  /** The merged adapters. */
  get adapters(): readonly Adapter[] {
    return this.#adapters;
  }

  /** The original weight of a module, `[in, out]`. */
  frozen(module: Adaptable): tf.Tensor {
    return this.#frozen.get(module) ?? weightOf(module).value;
  }

  /** W <- W0 + sum of the adapters' deltas. On failure all weights are as before. */
  fold(adapters: readonly Adapter[]): void {
    try {
      for (const [module, targets] of byModule(adapters.flatMap(adapter => adapter.attachedTargets))) {
        const { value } = weightOf(module);
        const frozen = tf.keep(sameData(value));
        this.#frozen.set(module, frozen);
        const merged = tf.tidy(() =>
          targets.reduce((sum: tf.Tensor, target) => tf.add(sum, mergedDelta(target, frozen)), frozen),
        );
        value.assign(merged);
        merged.dispose();
      }
    } catch (error) {
      this.undo();
      throw error;
    }
    this.#adapters = adapters;
  }

  /** Gives the base its own weights back, bit by bit. */
  undo(): void {
    for (const [module, frozen] of this.#frozen) weightOf(module).value.assign(frozen);
    this.keep();
  }

  /** Makes the merge permanent and frees the original weights. */
  keep(): void {
    for (const frozen of this.#frozen.values()) frozen.dispose();
    this.#frozen.clear();
    this.#adapters = [];
  }
}

/** The update that merging adds to the weight of the target's module, `[in, out]`. */
function mergedDelta({ adapter, target, parameters }: AttachedTarget, frozen: tf.Tensor): tf.Tensor {
  const delta = adapter.method.deltaWeight?.({
    target,
    parameters: valuesOf(parameters),
    weight: () => sliceWeight(frozen, target),
  });
  check(
    delta,
    'not-mergeable',
    () => `Method ${adapter.method.type} says that it can be merged but has no deltaWeight.`,
  );
  const scaled = adapter.weight === 1 ? delta : tf.mul(delta, adapter.weight);
  if (!target.slice) return scaled;
  return tf.pad(scaled, [
    [0, 0],
    [target.slice.start, target.module.outFeatures - target.slice.end],
  ]);
}
