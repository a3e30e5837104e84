import { lineChart } from '@peft/cli/charts';
import type { SweepResult } from './scaling.ts';

/** Greys that are read on white and on black, where no page gives a style. */
const style =
  'text{font:10px system-ui,sans-serif;fill:#6e7781}.title{font-size:13px;font-weight:600}.grid{stroke:#8884}';

/** A sweep as a picture file. */
export function sweepChart({ sweep, lines }: SweepResult): string {
  const series = lines.map(({ label, summaries }) => ({
    name: label,
    points: sweep.points.map(({ x }, i) => [x, summaries[i].median] as const),
  }));
  const chart = lineChart(series, { title: `LoRA step of ViT-Tiny by ${sweep.what}`, x: sweep.what, y: 'ms' });
  return `${chart.replace('<svg ', '<svg xmlns="http://www.w3.org/2000/svg" ').replace('>', `><style>${style}</style>`)}\n`;
}
