import {
  bindPaths,
  children,
  DropPath,
  Linear,
  Module,
  type ModuleNaming,
  modules,
  type Parameter,
  parameters,
} from '@peft/core';
import { checkpointed, currentScope, detached, isConstant } from '@peft/core/engine';
import type * as tf from '@tensorflow/tfjs-core';
import { frozenCount, runSegments, type Segment } from './segment.ts';
import { moduleNamings } from './weights/namings.ts';

/**
 * A vision model: normalized pictures `[B, H, W, 3]` to logits `[B, classes]`.
 *
 * The part below all trained parameters runs as a constant: it keeps nothing for the backward pass.
 */
export abstract class Backbone extends Module {
  /** The family, which determines the names in weight files. */
  abstract readonly architecture: 'vit' | 'swin';
  /** Paths of the classification heads; several if the logits are their mean, as in distilled DeiT. */
  abstract readonly classifiers: readonly string[];
  /** The queries and values of every attention, where the vision papers put their adapters. */
  override get defaultTargets(): readonly string[] {
    return ['attn.qkv[q,v]'];
  }

  /** The names by which adapter files of other libraries may address its modules. */
  get namings(): readonly ModuleNaming[] {
    return moduleNamings(this.architecture);
  }

  /** The naming that adapters are saved in; our paths, which are timm's, unless set. */
  naming: ModuleNaming | undefined;

  /** Height and width of the pictures, in pixels. */
  abstract readonly imageSize: readonly [height: number, width: number];
  /** The width of {@link features}. */
  abstract readonly featureCount: number;
  /**
   * Whether training keeps only the input of each segment and runs the segment again in the backward pass: less memory, about a
   * third more time.
   */
  checkpointing = false;

  /** The forward pass in order: embedding, blocks, pooling, head. */
  abstract segments(): readonly Segment[];

  /** The input of the head, `[B, featureCount]`. The caller disposes of it. */
  abstract features(images: tf.Tensor): tf.Tensor;

  /** Replaces each head by one without values, and frees the old one. */
  protected abstract setHead(classes: number): void;

  /**
   * Replaces each head by a new one, and frees the old one. It has no values until `initialize(model, key)`; the first adapter
   * trains and saves it.
   */
  replaceHead(classes: number): void {
    this.setHead(classes);
    bindPaths(this);
    for (const [, parameter] of headParameters(this)) parameter.fresh = true;
  }

  /** Outputs of the head; 0 if there is none. */
  abstract readonly classes: number;

  forward(images: tf.Tensor): tf.Tensor {
    return this.forwardFrom(0, images);
  }

  /** The forward pass from a segment on, given that segment's input. */
  forwardFrom(segment: number, x: tf.Tensor): tf.Tensor {
    const segments = this.segments().slice(segment);
    const { variables } = currentScope();
    if (!variables) return runSegments(segments, x);
    const frozen = isConstant(x) ? frozenCount(segments, variables) : 0;
    const fixed = frozen > 0 ? detached(input => runSegments(segments.slice(0, frozen), input), x) : x;
    const run = ({ run }: Segment, h: tf.Tensor) => (this.checkpointing ? checkpointed(run, h) : run(h));
    return segments.slice(frozen).reduce((h, segment) => run(segment, h), fixed);
  }
}

/** The parameters of the classification heads, by path. */
export const headParameters = (model: Backbone): [string, Parameter][] =>
  [...parameters(model)].filter(([path]) => model.classifiers.some(classifier => path.startsWith(`${classifier}.`)));

/** A head of `classes` outputs, or none. */
export const linearHead = (features: number, classes: number): Linear | undefined =>
  classes > 0 ? new Linear(features, classes) : undefined;

/**
 * Sets the number of classes: replaces the head, as timm's `reset_classifier` does, if it has another number.
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
