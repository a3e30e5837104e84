export type { HeadsOff, HeatConfig, HeatFindings, HeatOptions } from './config.ts';
export { heat } from './heat.ts';
export {
  type Component,
  chooseOff,
  type LayerScores,
  type MaskScope,
  type RankedLayer,
  type Strategy,
  toMeanOne,
} from './importance.ts';
