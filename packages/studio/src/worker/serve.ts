import { messageOf } from '../message-of.ts';
import type { Argument, CallMessage, CallName, EventOf, Reply, Result } from './protocol.ts';

/** What is used of a `DedicatedWorkerGlobalScope`. */
interface WorkerScope {
  postMessage(message: Reply): void;
  addEventListener(type: 'message', listener: (event: { readonly data: CallMessage }) => void): void;
}

/** How each call is answered. */
type Handlers = {
  readonly [Name in CallName]: (
    argument: Argument<Name>,
    emit: (event: EventOf<Name>) => void,
  ) => Result<Name> | Promise<Result<Name>>;
};

const scope = globalThis as unknown as WorkerScope;

async function answer<Name extends CallName>(
  handlers: Pick<Handlers, Name>,
  { id, name, argument }: CallMessage<Name>,
): Promise<void> {
  try {
    const handler: Pick<Handlers, Name>[Name] = handlers[name];
    scope.postMessage({ id, result: await handler(argument, event => scope.postMessage({ id, event })) });
  } catch (error) {
    scope.postMessage({ id, error: messageOf(error) });
  }
}

/** Answers the calls of a page, and tells it what this worker asks the network for. */
export function serve<Name extends CallName>(handlers: Pick<Handlers, Name>): void {
  scope.addEventListener('message', ({ data }) => void answer(handlers, data as CallMessage<Name>));
  const observer = new PerformanceObserver(list =>
    scope.postMessage({ requests: list.getEntries().map(({ name }) => name) }),
  );
  observer.observe({ type: 'resource', buffered: true });
}
