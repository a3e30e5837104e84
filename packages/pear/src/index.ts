export { type PearConfig, type PearOptions, pearDefaults } from './config.ts';
export { pear } from './pear.ts';
export type { Pairing } from './prune.ts';
