import { Module } from '@peft/core';
import type * as tf from '@tensorflow/tfjs-core';
import { moduleSegment, runSegments, type Segment } from '../segment.ts';
import { SwinBlock } from './block.ts';
import type { SwinTransformerConfig } from './config.ts';
import { PatchMerging } from './patch-merging.ts';
import type { Size } from './windows.ts';

/** Blocks at one resolution, after the merging that leads to it: `[B, H, W, C]`. */
export class SwinStage extends Module {
  readonly downsample: PatchMerging | undefined;
  readonly blocks: SwinBlock[];

  /**
   * @param patches rows and columns of patches, before any merging
   * @param size how many blocks it has, and how many attention heads these have
   */
  constructor(
    index: number,
    patches: Size,
    { depth, heads }: { depth: number; heads: number },
    config: SwinTransformerConfig,
  ) {
    super();
    const grid: Size = [Math.ceil(patches[0] / 2 ** index), Math.ceil(patches[1] / 2 ** index)];
    const resolution: Size = [Math.floor(patches[0] / 2 ** index), Math.floor(patches[1] / 2 ** index)];
    const features = config.embedDim * 2 ** index;
    this.downsample = index > 0 ? new PatchMerging(features / 2, features, config.epsilon) : undefined;
    this.blocks = Array.from(
      { length: depth },
      (_, i) => new SwinBlock({ features, heads, grid, resolution, shifted: i % 2 === 1 }, config),
    );
  }

  /** Merging and blocks apart; as one if the stage itself is patched. */
  segments(): Segment[] {
    return this.isPristine ? this.#parts() : [moduleSegment(this)];
  }

  forward(x: tf.Tensor): tf.Tensor {
    return runSegments(this.#parts(), x);
  }

  #parts(): Segment[] {
    return [...(this.downsample ? [this.downsample] : []), ...this.blocks].map(module => moduleSegment(module));
  }
}
