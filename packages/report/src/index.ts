export { renderBars } from './drawings/bars.ts';
export { renderGrid } from './drawings/grid.ts';
export { escapeHtml, short } from './drawings/html.ts';
export { renderInsight } from './drawings/insight.ts';
export { type Confusion, type MatrixOptions, renderMatrix } from './drawings/matrix.ts';
export { type PatchShares, renderPatches } from './drawings/patches.ts';
export { methodColor } from './method-color.ts';
