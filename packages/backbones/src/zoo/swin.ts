import { imagenet } from '../preprocessing.ts';
import type { BackboneDefinition } from './entry.ts';

const tiny = { embedDim: 96, depths: [2, 2, 6, 2], heads: [3, 6, 12, 24] } as const;
const small = { embedDim: 96, depths: [2, 2, 18, 2], heads: [3, 6, 12, 24] } as const;
const base = { embedDim: 128, depths: [2, 2, 18, 2], heads: [4, 8, 16, 32] } as const;
const large = { embedDim: 192, depths: [2, 2, 18, 2], heads: [6, 12, 24, 48] } as const;
const at384 = { imageSize: [384, 384], windowSize: 12 } as const;

/** Swin transformers (Liu et al. 2021, arXiv 2103.14030). */
export const swinZoo = {
  swin_tiny_patch4_window7_224: {
    architecture: 'swin',
    config: { ...tiny },
    preprocessing: { ...imagenet, inputSize: [3, 224, 224] },
  },
  swin_small_patch4_window7_224: {
    architecture: 'swin',
    config: { ...small },
    preprocessing: { ...imagenet, inputSize: [3, 224, 224] },
  },
  swin_base_patch4_window7_224: {
    architecture: 'swin',
    config: { ...base },
    preprocessing: { ...imagenet, inputSize: [3, 224, 224] },
  },
  swin_base_patch4_window12_384: {
    architecture: 'swin',
    config: { ...base, ...at384 },
    preprocessing: { ...imagenet, inputSize: [3, 384, 384], cropPct: 1 },
  },
  swin_large_patch4_window7_224: {
    architecture: 'swin',
    config: { ...large },
    preprocessing: { ...imagenet, inputSize: [3, 224, 224] },
  },
  swin_large_patch4_window12_384: {
    architecture: 'swin',
    config: { ...large, ...at384 },
    preprocessing: { ...imagenet, inputSize: [3, 384, 384], cropPct: 1 },
  },
  swin_tiny_patch4_window7_224_in22k: {
    architecture: 'swin',
    config: { ...tiny, classes: 21841 },
    preprocessing: { ...imagenet, inputSize: [3, 224, 224] },
  },
  swin_small_patch4_window7_224_in22k: {
    architecture: 'swin',
    config: { ...small, classes: 21841 },
    preprocessing: { ...imagenet, inputSize: [3, 224, 224] },
  },
  swin_base_patch4_window7_224_in22k: {
    architecture: 'swin',
    config: { ...base, classes: 21841 },
    preprocessing: { ...imagenet, inputSize: [3, 224, 224] },
  },
  swin_base_patch4_window12_384_in22k: {
    architecture: 'swin',
    config: { ...base, ...at384, classes: 21841 },
    preprocessing: { ...imagenet, inputSize: [3, 384, 384], cropPct: 1 },
  },
  swin_large_patch4_window7_224_in22k: {
    architecture: 'swin',
    config: { ...large, classes: 21841 },
    preprocessing: { ...imagenet, inputSize: [3, 224, 224] },
  },
  swin_large_patch4_window12_384_in22k: {
    architecture: 'swin',
    config: { ...large, ...at384, classes: 21841 },
    preprocessing: { ...imagenet, inputSize: [3, 384, 384], cropPct: 1 },
  },
} satisfies Record<string, BackboneDefinition>;
