import { WorkerClient } from '../worker/client.ts';
import { requests } from './requests.svelte.ts';

const start = (): WorkerClient =>
  new WorkerClient(
    new Worker(new URL('../worker/studio.worker.ts', import.meta.url), { type: 'module', name: 'studio' }),
    addresses => requests.add(addresses),
  );

let helping: WorkerClient | undefined;
let training: WorkerClient | undefined;

/** What counts, classifies and exports; it answers while another worker trains. */
export function helper(): WorkerClient {
  helping ??= start();
  return helping;
}

/** What trains. */
export function trainer(): WorkerClient {
  training ??= start();
  return training;
}

/** Ends the trainer, with the run that it computes; the next call starts another. */
export function endTrainer(reason: string): void {
  training?.end(reason);
  training = undefined;
}
