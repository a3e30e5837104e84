import type { Insight } from '@peft/run';
import { renderBars } from './bars.ts';
import { renderGrid } from './grid.ts';

/** Draws what a method did inside: without its title, which is the caller's. */
export const renderInsight = (insight: Insight): string =>
  insight.kind === 'grid' ? renderGrid(insight) : renderBars(insight);
