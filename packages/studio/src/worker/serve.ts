import type { Argument, CallMessage, CallName, Reply, Result, TrainingEvent } from './protocol.ts';

/** What is used of a `DedicatedWorkerGlobalScope`. */
interface WorkerScope {
  postMessage(message: Reply): void;
  addEventListener(type: 'message', listener: (event: { readonly data: CallMessage }) => void): void;
}

/** How each call is answered. */
export type Handlers = {
  readonly [Name in CallName]: (
    argument: Argument<Name>,
    emit: (event: TrainingEvent) => void,
  ) => Result<Name> | Promise<Result<Name>>;
};

const scope = globalThis as unknown as WorkerScope;

async function answer<Name extends CallName>(handlers: Handlers, { id, name, argument }: CallMessage<Name>) {
  try {
    const handler: Handlers[Name] = handlers[name];
    scope.postMessage({ id, result: await handler(argument, event => scope.postMessage({ id, event })) });
  } catch (error) {
    scope.postMessage({ id, error: error instanceof Error ? error.message : String(error) });
  }
}

/** Answers the calls of a page, and tells it what this worker asks the network for. */
export function serve(handlers: Handlers): void {
  scope.addEventListener('message', ({ data }) => void answer(handlers, data));
  const observer = new PerformanceObserver(list =>
    scope.postMessage({ requests: list.getEntries().map(({ name }) => name) }),
  );
  observer.observe({ type: 'resource', buffered: true });
}
