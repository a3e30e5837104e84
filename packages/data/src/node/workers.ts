import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { PeftError } from '@peft/core';
import { Pool, type Thread } from '../pool.ts';
import { type FileJob, runJob } from './file-job.ts';

/** As many pictures as batches ask for at once. */
const mostByDefault = 4;

function start(): Thread<FileJob> {
  const worker = new Worker(new URL('./picture-worker.mjs', import.meta.url), { execArgv: [] });
  return {
    post: job => worker.postMessage(job),
    listen(reply, fail) {
      worker.on('message', reply);
      worker.on('messageerror', fail);
      worker.on('error', fail);
      worker.on('exit', code => fail(new Error(`The thread ended with code ${code}.`)));
    },
    hold: busy => (busy ? worker.ref() : worker.unref()),
    end: () => void worker.terminate(),
  };
}

/** Those of this process, by their number of threads: all datasets share them. */
const pools = new Map<number, Pool<FileJob>>();

function poolOf(threads: number): Pool<FileJob> {
  const pool = pools.get(threads) ?? new Pool({ threads, start, runHere: runJob });
  pools.set(threads, pool);
  return pool;
}

export function checkWorkers(workers: number | undefined): void {
  if (workers === undefined || (Number.isInteger(workers) && workers >= 0)) return;
  throw new PeftError('bad-argument', `workers is ${workers}; it must be an integer of 0 or more.`);
}

/** Reads, decodes and transforms a picture file, to `[height, width, 3]`. */
export function prepareFile(
  job: FileJob,
  workers = Math.min(mostByDefault, availableParallelism()),
): Promise<Float32Array> {
  return workers === 0 ? runJob(job) : poolOf(workers).run(job);
}
