/** The models in this package. */
export type PicoModel = 'pico-vit' | 'pico-swin';

/** The URL of a model's weights: a safetensors file with timm's names, in F16. */
export const modelWeights = (name: PicoModel): URL =>
  name === 'pico-vit'
    ? new URL('../models/pico-vit/model.safetensors', import.meta.url)
    : new URL('../models/pico-swin/model.safetensors', import.meta.url);

/** The URL of a model's `config.json`, in timm's format, with the class names. */
export const modelConfig = (name: PicoModel): URL =>
  name === 'pico-vit'
    ? new URL('../models/pico-vit/config.json', import.meta.url)
    : new URL('../models/pico-swin/config.json', import.meta.url);

/**
 * The URL of 1,000 train or 500 test pictures of MNIST (LeCun et al. 1998): a safetensors file of `images`, U8
 * `[N, 28, 28, 1]`, and `labels`, U8 `[N]`, which cycle through 0 to 9.
 */
export const mnistDigits = (split: 'train' | 'test'): URL =>
  split === 'train'
    ? new URL('../data/mnist.train.safetensors', import.meta.url)
    : new URL('../data/mnist.test.safetensors', import.meta.url);
