/** The models in this package. */
export type PicoModel = 'pico-vit' | 'pico-swin';

/** Where a model's weights are: a safetensors file with timm's names, in F16. */
export const modelWeights = (name: PicoModel): URL =>
  name === 'pico-vit'
    ? new URL('../models/pico-vit/model.safetensors', import.meta.url)
    : new URL('../models/pico-swin/model.safetensors', import.meta.url);

/** Where a model's description is: timm's `config.json`, with the names of its classes. */
export const modelConfig = (name: PicoModel): URL =>
  name === 'pico-vit'
    ? new URL('../models/pico-vit/config.json', import.meta.url)
    : new URL('../models/pico-swin/config.json', import.meta.url);

/**
 * Where 1,000 train and 500 test pictures of MNIST (LeCun et al. 1998) are: a safetensors file of `images`, U8
 * `[N, 28, 28, 1]`, and `labels`, U8 `[N]`, which are 0 to 9 in turns.
 */
export const mnistDigits = (split: 'train' | 'test'): URL =>
  split === 'train'
    ? new URL('../data/mnist.train.safetensors', import.meta.url)
    : new URL('../data/mnist.test.safetensors', import.meta.url);
