import { imagenet } from '../preprocessing.ts';
import type { BackboneDefinition } from './entry.ts';

const cifar10 = {
  ...imagenet,
  inputSize: [3, 32, 32],
  cropPct: 1,
  mean: [0.4914, 0.4822, 0.4465],
  std: [0.247, 0.2435, 0.2616],
} as const;

/** Our own, for tests, demos and teaching: trained on the 50,000 training pictures of CIFAR-10; weights in `@peft/pico`. */
export const picoZoo = {
  'pico-vit': {
    architecture: 'vit',
    config: { imageSize: [32, 32], patchSize: 4, embedDim: 96, depth: 6, heads: 3, classes: 10 },
    preprocessing: cifar10,
  },
  'pico-swin': {
    architecture: 'swin',
    config: {
      imageSize: [32, 32],
      patchSize: 2,
      windowSize: 4,
      embedDim: 48,
      depths: [2, 2, 2],
      heads: [2, 4, 8],
      classes: 10,
    },
    preprocessing: cifar10,
  },
} satisfies Record<string, BackboneDefinition>;

/** timm's names of the architectures that these vary. */
export const picoArchitectures: Readonly<Record<string, string>> = {
  'pico-vit': 'vit_tiny_patch16_224',
  'pico-swin': 'swin_tiny_patch4_window7_224',
};
