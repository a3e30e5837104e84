import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { failureOf } from '../failure.ts';
import { type Handler, type Job, PutBack } from '../queue.ts';
import { addressOf } from './address.ts';
import { type FromScheduler, onMessage, send } from './messages.ts';

/** How long to wait for a scheduler to come (back), in ms. */
const patience = 300;

/** Connects to the scheduler of a folder; undefined if there is none now. */
async function connectTo(folder: string): Promise<Socket | undefined> {
  const address = await addressOf(folder);
  if (address === undefined) return undefined;
  return new Promise(resolve => {
    const socket = connect(address);
    socket.once('connect', () => resolve(socket));
    socket.once('error', () => resolve(undefined));
  });
}

/** Does a job, and says what it came to. */
async function doJob(socket: Socket, job: Job, handler: Handler, signal: AbortSignal): Promise<void> {
  const { id } = job;
  try {
    const value = await handler(job, {
      signal,
      progress: progress => send(socket, { type: 'progress', id, progress }),
    });
    send(socket, { type: 'done', id, value });
  } catch (error) {
    if (error instanceof PutBack) send(socket, { type: 'back', id, reason: error.message, delay: error.delay });
    else if (signal.aborted) send(socket, { type: 'back', id, reason: '', delay: 0 });
    else send(socket, { type: 'failed', id, failure: failureOf(error) });
  }
}

/** Works until the scheduler is gone. Returns whether it said that there will be no more jobs. */
function workOn(socket: Socket, handler: Handler, signal: AbortSignal): Promise<boolean> {
  let work: Promise<void> = Promise.resolve();
  let current = new AbortController();
  let isOver = false;
  const stop = (): void => {
    current.abort(signal.reason);
    work.finally(() => socket.end());
  };
  signal.addEventListener('abort', stop, { once: true });
  socket.on('error', () => {}); // `close` follows
  onMessage<FromScheduler>(socket, message => {
    if (message.type === 'end') isOver = true;
    else if (message.type === 'cancel') current.abort(new PutBack('', 0));
    else if (!signal.aborted) {
      current = new AbortController();
      work = doJob(socket, message.job, handler, current.signal); // what it says of the job asks for the next
    }
  });
  const closed = new Promise<void>(resolve => socket.once('close', () => resolve()));
  send(socket, { type: 'ready' });
  return closed.then(async () => {
    signal.removeEventListener('abort', stop);
    current.abort(new PutBack('The scheduler is gone.', 0));
    await work;
    return isOver;
  });
}

/**
 * Works for the scheduler of a folder, one job at a time, and waits for it while there is none.
 *
 * @returns when the scheduler has no more jobs, or the signal aborts
 */
export async function workAt(folder: string, handler: Handler, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const socket = await connectTo(folder);
    if (socket && (await workOn(socket, handler, signal))) return;
    await sleep(patience, undefined, { signal }).catch(() => {});
  }
}
