import { join } from 'node:path';
import { runHandler, workAt } from '@peft/sweep/node';
import { type Arguments, UsageError } from '../arguments.ts';
import { interruptible } from '../interrupt.ts';
import type { Output } from '../output/output.ts';

/** Works for the sweep of a folder, one run at a time, until it has no more runs. */
export async function worker(args: Arguments, folder: string | undefined, output: Output): Promise<void> {
  if (folder === undefined) throw new UsageError('Give the folder of the sweep: peft worker FOLDER.');
  const { engine, provider, threads } = args;
  const handler = runHandler({ folder: join(folder, 'runs'), engine, provider, threads });
  const orphaned = new AbortController();
  process.once('disconnect', () => orphaned.abort()); // the sweep that started this process is gone
  await interruptible(output, signal =>
    workAt(join(folder, 'queue'), handler, AbortSignal.any([signal, orphaned.signal])),
  );
}
