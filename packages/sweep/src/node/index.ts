export { setWish, type Wish } from './control.ts';
export { openEmbeddedQueue } from './embedded/queue.ts';
export { workAt } from './embedded/worker.ts';
export type { Places } from './find-inputs.ts';
export {
  type Handler,
  type Job,
  type Outcome,
  PutBack,
  type Queue,
  type QueueState,
  type RetryOptions,
  type RunningJob,
  type WorkContext,
} from './queue.ts';
export { type RunHandlerOptions, runHandler } from './run-handler.ts';
export { runSweep, type SweepOptions, type SweepProgress, type SweepResult } from './sweep.ts';
export { readSweep, sweepIn } from './sweep-file.ts';
export { type KeptWorkers, keepWorkers, ready, type WorkersOptions } from './workers.ts';
