import { PeftError } from '@peft/core';

/** The queue on Redis, whose libraries are installed by those who use it. */
export async function importRedis(): Promise<typeof import('@peft/sweep/redis')> {
  try {
    return await import('@peft/sweep/redis');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw cause;
    throw new PeftError('missing', 'A queue on Redis needs two libraries: npm install bullmq ioredis.', { cause });
  }
}

export const isRedis = (address: string): boolean => /^rediss?:/i.test(address);

/** The variable that names the queue, so that its password shows in no list of processes. */
export const queueVariable = 'PEFT_QUEUE';

/** The queue that is asked for: by the flag, or else by the variable. */
export const queueOf = (given: string | undefined): string | undefined => given ?? process.env[queueVariable];
