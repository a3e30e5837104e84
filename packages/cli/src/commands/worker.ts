import { join } from 'node:path';
import { PeftError } from '@peft/core';
import { type Handler, ready, runHandler, sweepIn, workAt } from '@peft/sweep/node';
import { type Arguments, UsageError } from '../arguments.ts';
import { interruptible } from '../interrupt.ts';
import type { Output } from '../output/output.ts';
import { importRedis, isRedis, queueOf } from '../redis-queue.ts';

/** A worker of a queue: where its runs are kept, and how it works. */
interface Place {
  readonly runs: string;
  work(handler: Handler, signal: AbortSignal): Promise<void>;
}

/** The queue in the folder of a sweep, or that of a database of Redis. */
async function placeOf(address: string, { out }: Arguments, output: Output): Promise<Place> {
  if (!isRedis(address)) {
    await sweepIn(address);
    const work = (handler: Handler, signal: AbortSignal) => workAt(join(address, 'queue'), handler, signal);
    return { runs: out ?? join(address, 'runs'), work };
  }
  const { workAtRedis } = await importRedis();
  const notice = (text: string): void => output.note(text);
  return {
    runs: out ?? 'runs',
    work: (handler, signal) => workAtRedis(address, handler, signal, { notice }),
  };
}

/** Works for a sweep, one run at a time: for that of a folder until it has no more runs, for those of Redis until it is stopped. */
export async function worker(args: Arguments, given: string | undefined, output: Output): Promise<void> {
  const address = queueOf(given);
  if (address === undefined)
    throw new UsageError('Give the folder of the sweep, or its queue: peft worker redis://HOST.');
  const { runs, work } = await placeOf(address, args, output);
  const { engine, provider, threads, data, weights } = args;
  const places = { data: data === undefined ? [] : [data], weights: weights === undefined ? [] : [weights] };
  const handler = runHandler({ folder: runs, places, engine, provider, threads });
  const orphaned = new AbortController();
  process.once('disconnect', () => orphaned.abort()); // the sweep that started this process is gone
  await interruptible(output, async signal => {
    process.send?.(ready);
    await work(handler, AbortSignal.any([signal, orphaned.signal]));
    if (signal.aborted) throw new PeftError('state', 'Interrupted; the run under way goes on elsewhere, or later.');
  });
}
