import { imagenet } from '../preprocessing.ts';
import type { BackboneDefinition } from './entry.ts';

const tiny = { embedDim: 192, heads: 3 } as const;
const small = { embedDim: 384, heads: 6 } as const;
const medium = { embedDim: 512, heads: 8 } as const;
const base = { embedDim: 768, heads: 12 } as const;
const large = { embedDim: 1024, depth: 24, heads: 16 } as const;
const third = { embedPrefix: false, layerScale: 1e-6 } as const;
const at384 = { imageSize: [384, 384] } as const;

/** DeiT, plain and distilled (Touvron et al. 2020, arXiv 2012.12877), and DeiT III (2022, arXiv 2204.07118). */
export const deitZoo = {
  deit_tiny_patch16_224: {
    architecture: 'vit',
    config: { ...tiny },
    preprocessing: { ...imagenet, inputSize: [3, 224, 224] },
  },
  deit_small_patch16_224: {
    architecture: 'vit',
    config: { ...small },
    preprocessing: { ...imagenet, inputSize: [3, 224, 224] },
  },
  deit_base_patch16_224: {
    architecture: 'vit',
    config: { ...base },
    preprocessing: { ...imagenet, inputSize: [3, 224, 224] },
  },
  deit_base_patch16_384: {
    architecture: 'vit',
    config: { ...base, ...at384 },
    preprocessing: { ...imagenet, inputSize: [3, 384, 384], cropPct: 1 },
  },
  deit_tiny_distilled_patch16_224: {
    architecture: 'vit',
    config: { ...tiny, distilled: true },
    preprocessing: { ...imagenet, inputSize: [3, 224, 224] },
  },
  deit_small_distilled_patch16_224: {
    architecture: 'vit',
    config: { ...small, distilled: true },
    preprocessing: { ...imagenet, inputSize: [3, 224, 224] },
  },
  deit_base_distilled_patch16_224: {
    architecture: 'vit',
    config: { ...base, distilled: true },
    preprocessing: { ...imagenet, inputSize: [3, 224, 224] },
  },
  deit_base_distilled_patch16_384: {
    architecture: 'vit',
    config: { ...base, distilled: true, ...at384 },
    preprocessing: { ...imagenet, inputSize: [3, 384, 384], cropPct: 1 },
  },
  deit3_small_patch16_224: {
    architecture: 'vit',
    config: { ...small, ...third },
    preprocessing: { ...imagenet, inputSize: [3, 224, 224] },
  },
  deit3_small_patch16_384: {
    architecture: 'vit',
    config: { ...small, ...third, ...at384 },
    preprocessing: { ...imagenet, inputSize: [3, 384, 384], cropPct: 1 },
  },
  deit3_medium_patch16_224: {
    architecture: 'vit',
    config: { ...medium, ...third },
    preprocessing: { ...imagenet, inputSize: [3, 224, 224] },
  },
  deit3_base_patch16_224: {
    architecture: 'vit',
    config: { ...base, ...third },
    preprocessing: { ...imagenet, inputSize: [3, 224, 224] },
  },
  deit3_base_patch16_384: {
    architecture: 'vit',
    config: { ...base, ...third, ...at384 },
    preprocessing: { ...imagenet, inputSize: [3, 384, 384], cropPct: 1 },
  },
  deit3_large_patch16_224: {
    architecture: 'vit',
    config: { ...large, ...third },
    preprocessing: { ...imagenet, inputSize: [3, 224, 224] },
  },
  deit3_large_patch16_384: {
    architecture: 'vit',
    config: { ...large, ...third, ...at384 },
    preprocessing: { ...imagenet, inputSize: [3, 384, 384], cropPct: 1 },
  },
} satisfies Record<string, BackboneDefinition>;
