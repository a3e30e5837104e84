import { children, DropPath, Linear, Module, modules } from '@peft/core';
import type * as tf from '@tensorflow/tfjs-core';

/** A vision model: normalised pictures `[B, H, W, 3]` to logits `[B, classes]`. */
export abstract class Backbone extends Module {
  /** The family, which says how files name its tensors. */
  abstract readonly architecture: 'vit' | 'swin';
  /** Paths of the classification heads; more than one where the logits are a mean of several. */
  abstract readonly classifiers: readonly string[];
  /** Height and width of the pictures, in pixels. */
  abstract readonly imageSize: readonly [height: number, width: number];
  /** Length of what {@link features} gives. */
  abstract readonly featureCount: number;

  /** What the head sees, `[B, featureCount]`. The caller disposes of it. */
  abstract features(images: tf.Tensor): tf.Tensor;

  /** Puts a fresh head, PyTorch's default for a linear layer, in the place of each old one, which is freed. */
  abstract replaceHead(classes: number): void;

  /** Outputs of the head; 0 if there is none. */
  abstract readonly classes: number;
}

/** A head of `classes` outputs, or none. */
export const linearHead = (features: number, classes: number): Linear | undefined =>
  classes > 0 ? new Linear(features, classes) : undefined;

/**
 * Makes the model one of `classes` classes: its head is replaced, as by timm's `reset_classifier`, if it has another number.
 * A fresh head has no values until `initialize(model, key)`.
 */
export function withClasses<B extends Backbone>(model: B, classes: number): B {
  if (model.classes !== classes) model.replaceHead(classes);
  return model;
}

/** Sets stochastic depth: rates grow linearly from 0 at the first block to `rate` at the last. */
export function setDropPath(model: Module, rate: number): void {
  const blocks = [...modules(model)]
    .map(([, module]) => [...children(module)].flatMap(([, child]) => (child instanceof DropPath ? [child] : [])))
    .filter(paths => paths.length > 0);
  for (const [i, paths] of blocks.entries()) {
    for (const path of paths) path.rate = blocks.length > 1 ? (rate * i) / (blocks.length - 1) : 0;
  }
}
