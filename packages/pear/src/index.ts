export type { PearConfig, PearFindings, PearOptions } from './config.ts';
export { pear } from './pear.ts';
export type { Pairing } from './prune.ts';
