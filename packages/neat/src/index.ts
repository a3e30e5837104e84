export type { Activation } from './activations.ts';
export { type NeatConfig, type NeatOptions, neatLearningRate } from './config.ts';
export { type NeatMethod, neat } from './neat.ts';
