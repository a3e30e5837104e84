import { curvesFile } from '@peft/report/node';
import type { SweepResult } from './scaling.ts';

/** A sweep as a picture file. */
export function sweepChart({ sweep, lines }: SweepResult): string {
  const curves = lines.map(({ label, summaries }) => ({
    name: label,
    points: sweep.points.map(({ x }, i) => ({ x, y: summaries[i].median })),
  }));
  return curvesFile(curves, { title: `LoRA step of ViT-Tiny by ${sweep.what}`, x: sweep.what, y: 'ms' });
}
