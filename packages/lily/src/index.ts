export { type Calibration, calibrate } from './calibrate.ts';
export type { LilyConfig, LilyOptions } from './config.ts';
export { type LilyMethod, lily } from './lily.ts';
export { expertMixing } from './mixing.ts';
