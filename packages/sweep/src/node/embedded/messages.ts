import type { Socket } from 'node:net';
import type { JsonObject } from '@peft/core';
import type { Failure } from '../../entry.ts';
import type { Job } from '../queue.ts';

/** What a worker says to the scheduler. */
export type FromWorker =
  | { readonly type: 'ready' }
  | { readonly type: 'progress'; readonly id: string; readonly progress: JsonObject }
  | { readonly type: 'done'; readonly id: string; readonly value: JsonObject }
  | { readonly type: 'failed'; readonly id: string; readonly failure: Failure }
  | { readonly type: 'back'; readonly id: string; readonly reason: string; readonly delay: number };

/** What the scheduler says to a worker. */
export type FromScheduler =
  | { readonly type: 'job'; readonly job: Job }
  | { readonly type: 'cancel'; readonly id: string }
  /** There will be no more jobs. */
  | { readonly type: 'end' };

/** Sends a message as a line of JSON. Nothing if the other end is gone. */
export function send(socket: Socket, message: FromWorker | FromScheduler): void {
  if (socket.writable) socket.write(`${JSON.stringify(message)}\n`);
}

/** Calls `receive` with each message that comes. Both ends are this program: messages need no check. */
export function onMessage<Message extends FromWorker | FromScheduler>(
  socket: Socket,
  receive: (message: Message) => void,
): void {
  let rest = '';
  socket.setEncoding('utf8');
  socket.on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) receive(JSON.parse(line) as Message);
  });
}
