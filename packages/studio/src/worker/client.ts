import type { Argument, CallEvent, CallMessage, CallName, EventOf, Reply, Result } from './protocol.ts';

interface Pending {
  resolve(result: unknown): void;
  reject(error: Error): void;
  onEvent?(event: CallEvent): void;
}

/** The page's end of a worker: a call is a promise, and what it tells on its way comes to `onEvent`. */
export class WorkerClient {
  readonly #worker: Worker;
  readonly #pending = new Map<number, Pending>();
  readonly #onRequests: (addresses: readonly string[]) => void;
  #calls = 0;

  /** @param onRequests told what the worker asks the network for */
  constructor(worker: Worker, onRequests: (addresses: readonly string[]) => void = () => {}) {
    this.#worker = worker;
    this.#onRequests = onRequests;
    worker.addEventListener('message', ({ data }: MessageEvent<Reply>) => this.#take(data));
    worker.addEventListener('error', ({ message }) => this.end(message || 'The worker could not be loaded.'));
    worker.addEventListener('messageerror', () => this.end('A message of the worker could not be read.'));
  }

  call<Name extends CallName>(
    name: Name,
    argument: Argument<Name>,
    onEvent?: (event: EventOf<Name>) => void,
  ): Promise<Result<Name>> {
    const id = ++this.#calls;
    const message: CallMessage<Name> = { id, name, argument };
    return new Promise((resolve, reject) => {
      this.#pending.set(id, {
        resolve: result => resolve(result as Result<Name>),
        reject,
        ...(onEvent && { onEvent: event => onEvent(event as EventOf<Name>) }),
      });
      this.#worker.postMessage(message);
    });
  }

  /** Ends the worker; calls under way fail with the reason. */
  end(reason: string): void {
    this.#worker.terminate();
    for (const { reject } of this.#pending.values()) reject(new Error(reason));
    this.#pending.clear();
  }

  #take(reply: Reply): void {
    if ('requests' in reply) {
      this.#onRequests(reply.requests);
      return;
    }
    const pending = this.#pending.get(reply.id);
    if (!pending) return;
    if ('event' in reply) {
      pending.onEvent?.(reply.event);
      return;
    }
    this.#pending.delete(reply.id);
    if ('error' in reply) pending.reject(new Error(reply.error));
    else pending.resolve(reply.result);
  }
}
