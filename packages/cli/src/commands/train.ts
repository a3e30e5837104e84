import { basename, join } from 'node:path';
import { peakMemory } from '@peft/core/node';
import { type Arguments, required } from '../arguments.ts';
import { withData } from '../data.ts';
import { interruptible } from '../interrupt.ts';
import type { Output } from '../output/output.ts';
import { runSummary } from '../output/run-summary.ts';
import { runTraining } from '../training.ts';

/** Trains, saves an adapter folder, and evaluates it. */
export async function train(args: Arguments, output: Output): Promise<void> {
  if (args.initAdapter === undefined) required(args, 'backbone');
  const folder = args.out ?? join('adapters', folderName(args));
  const replaces = args.resume !== false || args.overwrite;
  const { result } = await withData(args, output, data =>
    interruptible(output, signal => runTraining(args, data, { folder, signal, replaces }, output)),
  );
  const { metrics, ...rest } = result;
  output.answer(runSummary(result), { ...rest, accuracy: metrics.accuracy, peakBytes: peakMemory() });
}

/** The default folder, `deit_tiny_patch16_224-lora`; a safe name whatever the backbone is called. */
function folderName({ backbone, initAdapter, method = 'lora' }: Arguments): string {
  const start = basename(backbone ?? initAdapter ?? '').replace(/[^\w.-]+/g, '_');
  return `${start}-${initAdapter === undefined ? method : 'continued'}`;
}
