import type { Preprocessing } from '@peft/core';
import type { SwinTransformer } from '../swin/swin-transformer.ts';
import type { VisionTransformer } from '../vit/vision-transformer.ts';

/** The model that configuration files describe. */
export interface SavedModel {
  readonly model: VisionTransformer | SwinTransformer;
  /** Class names, in the order of the logits. */
  readonly labels: readonly string[] | undefined;
  readonly preprocessing: Preprocessing;
}
