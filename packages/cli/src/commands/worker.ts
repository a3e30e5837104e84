import { join } from 'node:path';
import { PeftError } from '@peft/core';
import { ready, runHandler, sweepIn, workAt } from '@peft/sweep/node';
import { type Arguments, UsageError } from '../arguments.ts';
import { interruptible } from '../interrupt.ts';
import type { Output } from '../output/output.ts';

/** Works for the sweep of a folder, one run at a time, until it has no more runs. */
export async function worker(args: Arguments, folder: string | undefined, output: Output): Promise<void> {
  if (folder === undefined) throw new UsageError('Give the folder of the sweep: peft worker FOLDER.');
  await sweepIn(folder);
  const { engine, provider, threads } = args;
  const handler = runHandler({ folder: join(folder, 'runs'), engine, provider, threads });
  const orphaned = new AbortController();
  process.once('disconnect', () => orphaned.abort()); // the sweep that started this process is gone
  await interruptible(output, async signal => {
    process.send?.(ready);
    await workAt(join(folder, 'queue'), handler, AbortSignal.any([signal, orphaned.signal]));
    if (signal.aborted) throw new PeftError('state', 'Interrupted; the run under way goes on elsewhere, or later.');
  });
}
