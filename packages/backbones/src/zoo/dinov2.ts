import { imagenet } from '../preprocessing.ts';
import type { BackboneDefinition } from './entry.ts';

const small = { embedDim: 384, heads: 6 } as const;
const base = { embedDim: 768, heads: 12 } as const;
const large = { embedDim: 1024, depth: 24, heads: 16 } as const;
const dinov2 = { patchSize: 14, imageSize: [518, 518], layerScale: 1e-5, classes: 0 } as const;
const registers = { registerTokens: 4, embedPrefix: false } as const;

/** DINOv2, self-supervised (Oquab et al. 2023, arXiv 2304.07193), and with registers (Darcet et al. 2023, 2309.16588). */
export const dinov2Zoo = {
  vit_small_patch14_dinov2: {
    architecture: 'vit',
    config: { ...small, ...dinov2 },
    preprocessing: { ...imagenet, inputSize: [3, 518, 518], cropPct: 1 },
  },
  vit_base_patch14_dinov2: {
    architecture: 'vit',
    config: { ...base, ...dinov2 },
    preprocessing: { ...imagenet, inputSize: [3, 518, 518], cropPct: 1 },
  },
  vit_large_patch14_dinov2: {
    architecture: 'vit',
    config: { ...large, ...dinov2 },
    preprocessing: { ...imagenet, inputSize: [3, 518, 518], cropPct: 1 },
  },
  vit_small_patch14_reg4_dinov2: {
    architecture: 'vit',
    config: { ...small, ...dinov2, ...registers },
    preprocessing: { ...imagenet, inputSize: [3, 518, 518], cropPct: 1 },
  },
  vit_base_patch14_reg4_dinov2: {
    architecture: 'vit',
    config: { ...base, ...dinov2, ...registers },
    preprocessing: { ...imagenet, inputSize: [3, 518, 518], cropPct: 1 },
  },
  vit_large_patch14_reg4_dinov2: {
    architecture: 'vit',
    config: { ...large, ...dinov2, ...registers },
    preprocessing: { ...imagenet, inputSize: [3, 518, 518], cropPct: 1 },
  },
} satisfies Record<string, BackboneDefinition>;
