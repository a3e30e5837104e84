import type { Preprocessing } from '@peft/core';
import type { SwinTransformerConfig } from '../swin/config.ts';
import type { VisionTransformerConfig } from '../vit/config.ts';

/** A backbone as data: its architecture and its preprocessing. */
export type BackboneDefinition =
  | {
      readonly architecture: 'vit';
      readonly config: Partial<VisionTransformerConfig>;
      readonly preprocessing: Preprocessing;
    }
  | {
      readonly architecture: 'swin';
      readonly config: Partial<SwinTransformerConfig>;
      readonly preprocessing: Preprocessing;
    };
