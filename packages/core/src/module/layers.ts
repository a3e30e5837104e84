import * as tf from '@tensorflow/tfjs-core';
import { check } from '../errors.ts';
import { dropPath } from '../tensor/dropout.ts';
import { layerNorm } from '../tensor/layer-norm.ts';
import { linear } from '../tensor/linear.ts';
import { type Initializer, linearDefault, ones, zeros } from './init.ts';
import { linearLayout } from './layout.ts';
import { Module } from './module.ts';
import { Parameter } from './parameter.ts';

/** The part of attention that a projection computes. */
export type Role = 'query' | 'key' | 'value';

/** A range of output features of a fused projection: `[start, end)`. */
export interface Slice {
  readonly start: number;
  readonly end: number;
  readonly role?: Role;
}

export interface LinearOptions {
  bias?: boolean;
  /** Names for ranges of outputs, so that `attn.qkv[q,v]` can be targeted: `{ q: { start: 0, end: 192 }, ... }`. */
  slices?: Record<string, Slice>;
  /** The role of its outputs in attention, if neither its name nor those of its slices tell: see `Target.role`. */
  role?: Role;
  /** The number of attention heads that share each slice (or the whole output), for methods that adapt by head. */
  heads?: number;
  /** The initializers; PyTorch's unless given. */
  weightInit?: Initializer;
  biasInit?: Initializer;
}

/** `y = x W + b`: weight `[in, out]` in memory, `[out, in]` in files; input `[..., in]`, output `[..., out]`. */
export class Linear extends Module {
  readonly inFeatures: number;
  readonly outFeatures: number;
  readonly slices: Record<string, Slice>;
  readonly heads: number | undefined;
  readonly role: Role | undefined;
  readonly weight: Parameter;
  readonly bias: Parameter | undefined;

  constructor(inFeatures: number, outFeatures: number, options: LinearOptions = {}) {
    super();
    const { bias = true, slices = {}, heads, role } = options;
    const { weightInit = linearDefault(inFeatures), biasInit = linearDefault(inFeatures) } = options;
    this.inFeatures = inFeatures;
    this.outFeatures = outFeatures;
    this.slices = slices;
    this.heads = heads;
    this.role = role;
    for (const [name, { start, end }] of Object.entries(slices)) {
      const fits = 0 <= start && start < end && end <= outFeatures;
      check(fits, 'bad-argument', () => `Slice "${name}" [${start}, ${end}) is not within ${outFeatures} outputs.`);
    }
    this.weight = new Parameter([inFeatures, outFeatures], weightInit, {
      layout: linearLayout(inFeatures, outFeatures),
    });
    this.bias = bias ? new Parameter([outFeatures], biasInit) : undefined;
  }

  forward(x: tf.Tensor): tf.Tensor {
    return linear(x, this.patchedWeight(this.weight.value), this.bias?.value);
  }
}

/** Layer normalization over the last axis, `[..., d]`. */
export class LayerNorm extends Module {
  readonly epsilon: number;
  readonly weight: Parameter;
  readonly bias: Parameter;

  constructor(features: number, epsilon = 1e-6) {
    super();
    this.epsilon = epsilon;
    this.weight = new Parameter([features], ones);
    this.bias = new Parameter([features], zeros);
  }

  forward(x: tf.Tensor): tf.Tensor {
    return layerNorm(x, this.weight.value, this.bias.value, this.epsilon);
  }
}

/** Passes its input through: a place to patch. */
export class Identity extends Module {
  forward(x: tf.Tensor): tf.Tensor {
    return tf.clone(x);
  }
}

/** Stochastic depth with a rate that can be changed; see `dropPath`. */
export class DropPath extends Module {
  rate: number;

  constructor(rate = 0) {
    super();
    this.rate = rate;
  }

  forward(x: tf.Tensor): tf.Tensor {
    return tf.clone(dropPath(x, this.rate, this.path));
  }
}
