import { importOptional } from './optional-import.ts';

const packages = /'(bullmq|ioredis|@bull-board\/\w+|express)'/;

/** The queue on Redis, whose libraries are installed by those who use it. */
export const importRedis = () =>
  importOptional(
    () => import('@peft/sweep/redis'),
    packages,
    'A queue on Redis needs more libraries: npm install bullmq ioredis.',
  );

/** BullMQ's dashboard, likewise. */
export const importDashboard = () =>
  importOptional(
    () => import('@peft/sweep/dashboard'),
    packages,
    "BullMQ's dashboard needs more libraries: npm install bullmq ioredis @bull-board/api @bull-board/express express.",
  );

export const isRedis = (address: string): boolean => /^rediss?:/i.test(address);

/** The variable that names the queue, so that its password shows in no list of processes. */
export const queueVariable = 'PEFT_QUEUE';

/** The queue that is asked for: by the flag, or else by the variable. */
export const queueOf = (given: string | undefined): string | undefined => given ?? process.env[queueVariable];
