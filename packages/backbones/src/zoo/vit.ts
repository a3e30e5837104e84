import { inception } from '../preprocessing.ts';
import type { BackboneDefinition } from './entry.ts';

const tiny = { embedDim: 192, depth: 12, heads: 3 } as const;
const small = { embedDim: 384, depth: 12, heads: 6 } as const;
const base = { embedDim: 768, depth: 12, heads: 12 } as const;
const large = { embedDim: 1024, depth: 24, heads: 16 } as const;
const at384 = { imageSize: [384, 384] } as const;

/** Google's ViTs (Dosovitskiy et al. 2020; Steiner et al. 2021, arXiv 2106.10270). */
export const vitZoo = {
  vit_tiny_patch16_224: {
    architecture: 'vit',
    config: { ...tiny, patchSize: 16 },
    preprocessing: { ...inception, inputSize: [3, 224, 224] },
  },
  vit_tiny_patch16_384: {
    architecture: 'vit',
    config: { ...tiny, patchSize: 16, ...at384 },
    preprocessing: { ...inception, inputSize: [3, 384, 384], cropPct: 1 },
  },
  vit_small_patch32_224: {
    architecture: 'vit',
    config: { ...small, patchSize: 32 },
    preprocessing: { ...inception, inputSize: [3, 224, 224] },
  },
  vit_small_patch32_384: {
    architecture: 'vit',
    config: { ...small, patchSize: 32, ...at384 },
    preprocessing: { ...inception, inputSize: [3, 384, 384], cropPct: 1 },
  },
  vit_small_patch16_224: {
    architecture: 'vit',
    config: { ...small, patchSize: 16 },
    preprocessing: { ...inception, inputSize: [3, 224, 224] },
  },
  vit_small_patch16_384: {
    architecture: 'vit',
    config: { ...small, patchSize: 16, ...at384 },
    preprocessing: { ...inception, inputSize: [3, 384, 384], cropPct: 1 },
  },
  vit_base_patch32_224: {
    architecture: 'vit',
    config: { ...base, patchSize: 32 },
    preprocessing: { ...inception, inputSize: [3, 224, 224] },
  },
  vit_base_patch32_384: {
    architecture: 'vit',
    config: { ...base, patchSize: 32, ...at384 },
    preprocessing: { ...inception, inputSize: [3, 384, 384], cropPct: 1 },
  },
  vit_base_patch16_224: {
    architecture: 'vit',
    config: { ...base, patchSize: 16 },
    preprocessing: { ...inception, inputSize: [3, 224, 224] },
  },
  vit_base_patch16_384: {
    architecture: 'vit',
    config: { ...base, patchSize: 16, ...at384 },
    preprocessing: { ...inception, inputSize: [3, 384, 384], cropPct: 1 },
  },
  vit_base_patch8_224: {
    architecture: 'vit',
    config: { ...base, patchSize: 8 },
    preprocessing: { ...inception, inputSize: [3, 224, 224] },
  },
  vit_large_patch32_224: {
    architecture: 'vit',
    config: { ...large, patchSize: 32, classes: 0 },
    preprocessing: { ...inception, inputSize: [3, 224, 224] },
  },
  vit_large_patch32_384: {
    architecture: 'vit',
    config: { ...large, patchSize: 32, ...at384 },
    preprocessing: { ...inception, inputSize: [3, 384, 384], cropPct: 1 },
  },
  vit_large_patch16_224: {
    architecture: 'vit',
    config: { ...large, patchSize: 16 },
    preprocessing: { ...inception, inputSize: [3, 224, 224] },
  },
  vit_large_patch16_384: {
    architecture: 'vit',
    config: { ...large, patchSize: 16, ...at384 },
    preprocessing: { ...inception, inputSize: [3, 384, 384], cropPct: 1 },
  },
  vit_tiny_patch16_224_in21k: {
    architecture: 'vit',
    config: { ...tiny, patchSize: 16, classes: 21843 },
    preprocessing: { ...inception, inputSize: [3, 224, 224] },
  },
  vit_small_patch32_224_in21k: {
    architecture: 'vit',
    config: { ...small, patchSize: 32, classes: 21843 },
    preprocessing: { ...inception, inputSize: [3, 224, 224] },
  },
  vit_small_patch16_224_in21k: {
    architecture: 'vit',
    config: { ...small, patchSize: 16, classes: 21843 },
    preprocessing: { ...inception, inputSize: [3, 224, 224] },
  },
  vit_base_patch32_224_in21k: {
    architecture: 'vit',
    config: { ...base, patchSize: 32, classes: 21843 },
    preprocessing: { ...inception, inputSize: [3, 224, 224] },
  },
  vit_base_patch16_224_in21k: {
    architecture: 'vit',
    config: { ...base, patchSize: 16, classes: 21843 },
    preprocessing: { ...inception, inputSize: [3, 224, 224] },
  },
  vit_base_patch8_224_in21k: {
    architecture: 'vit',
    config: { ...base, patchSize: 8, classes: 21843 },
    preprocessing: { ...inception, inputSize: [3, 224, 224] },
  },
  vit_large_patch32_224_in21k: {
    architecture: 'vit',
    config: { ...large, patchSize: 32, classes: 0 },
    preprocessing: { ...inception, inputSize: [3, 224, 224] },
  },
  vit_large_patch16_224_in21k: {
    architecture: 'vit',
    config: { ...large, patchSize: 16, classes: 21843 },
    preprocessing: { ...inception, inputSize: [3, 224, 224] },
  },
} satisfies Record<string, BackboneDefinition>;
