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
