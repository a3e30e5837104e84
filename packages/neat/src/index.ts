export type { Activation } from './activations.ts';
export { type NeatConfig, type NeatOptions, neatLearningRate } from './config.ts';
export { neat } from './neat.ts';
