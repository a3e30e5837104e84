import { PeftError } from '@peft/core';

/** Imports what needs libraries that those install who use it. */
async function importWith<T>(load: () => Promise<T>, what: string, libraries: string): Promise<T> {
  try {
    return await load();
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw cause;
    throw new PeftError('missing', `${what} needs more libraries: npm install ${libraries}.`, { cause });
  }
}

export const importRedis = () => importWith(() => import('@peft/sweep/redis'), 'A queue on Redis', 'bullmq ioredis');

export const importDashboard = () =>
  importWith(
    () => import('@peft/sweep/dashboard'),
    "BullMQ's dashboard",
    'bullmq ioredis @bull-board/api @bull-board/express express',
  );

export const isRedis = (address: string): boolean => /^rediss?:/i.test(address);

/** The variable that names the queue, so that its password shows in no list of processes. */
export const queueVariable = 'PEFT_QUEUE';

/** The queue that is asked for: by the flag, or else by the variable. */
export const queueOf = (given: string | undefined): string | undefined => given ?? process.env[queueVariable];
