export type { SampleConfig, SampleOptions } from './config.ts';
export { sample } from './sample.ts';
