import { WorkerClient } from '../worker/client.ts';
import { requests } from './requests.svelte.ts';

const clientOf = (worker: Worker): WorkerClient => new WorkerClient(worker, addresses => requests.add(addresses));

const start = (): WorkerClient =>
  clientOf(new Worker(new URL('../worker/studio.worker.ts', import.meta.url), { type: 'module', name: 'studio' }));

let helping: WorkerClient | undefined;
let training: WorkerClient | undefined;
let asking: WorkerClient | undefined;

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

/** What asks the Hub. It is started by a click that says so. */
export function hubWorker(): WorkerClient {
  asking ??= clientOf(new Worker(new URL('../hub/hub.worker.ts', import.meta.url), { type: 'module', name: 'hub' }));
  return asking;
}

/** Ends what is asked of the Hub. */
export function endHubWorker(reason: string): void {
  asking?.end(reason);
  asking = undefined;
}
