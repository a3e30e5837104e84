export type { HeadsOff, HeatConfig, HeatFindings, HeatOptions, PairOptions } from './config.ts';
export { type HeatMethod, heat } from './heat.ts';
export {
  type Component,
  chooseOff,
  type LayerScores,
  type MaskScope,
  type RankedLayer,
  type Strategy,
  toMeanOne,
} from './importance.ts';
