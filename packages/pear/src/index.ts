export type { PearConfig, PearFindings, PearOptions } from './config.ts';
export { type PearMethod, pear } from './pear.ts';
export type { Pairing } from './prune.ts';
