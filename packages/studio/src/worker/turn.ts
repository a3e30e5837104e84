const { port1, port2 } = new MessageChannel();
const waiting: (() => void)[] = [];
port1.onmessage = () => waiting.shift()?.();

/** Lets other tasks of this thread run. A tab that is hidden delays timers, but not messages. */
export const turn = (): Promise<void> =>
  new Promise(resolve => {
    waiting.push(resolve);
    port2.postMessage(undefined);
  });
