export { type Chart, type Curve, curvesFile, type Dot, type Point, renderCurves, renderDots } from './charts.ts';
export { htmlTable, page, panel } from './page.ts';
export { smoothed } from './smooth.ts';
