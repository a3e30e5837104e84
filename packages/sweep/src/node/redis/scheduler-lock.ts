import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { PeftError } from '@peft/core';
import type { Redis } from 'ioredis';
import { schedulerKey } from './names.ts';

/** How long a scheduler that died keeps others out, in ms; one that lives says so five times as often. */
const lifetime = 5000;

/** Takes the lock, or keeps it: 1 if it is this holder's now. */
const hold = `
local holder = redis.call('get', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('set', KEYS[1], ARGV[1], 'px', ARGV[2])
return 1`;

const letGo = `if redis.call('get', KEYS[1]) == ARGV[1] then redis.call('del', KEYS[1]) end`;

/** The right to schedule: one process has it at a time, on whatever machine. */
export interface SchedulerLock {
  /** @throws PeftError `state` if another process has taken it, as this one did not answer for too long */
  check(): void;
  release(): Promise<void>;
}

/**
 * Waits for a scheduler that may have died, then takes its place.
 *
 * @throws PeftError `state` if it lives
 */
export async function lockScheduler(redis: Redis): Promise<SchedulerLock> {
  const token = randomUUID();
  const holds = async (): Promise<boolean> => (await redis.eval(hold, 1, schedulerKey, token, lifetime)) === 1;
  const since = performance.now();
  while (!(await holds())) {
    if (performance.now() - since > lifetime + 1000)
      throw new PeftError(
        'state',
        'Another sweep uses this database of Redis. Wait for it, or give another: redis://HOST/1.',
      );
    await sleep(200);
  }
  let isLost = false;
  const renewal = setInterval(() => {
    holds().then(
      holding => {
        isLost ||= !holding;
      },
      () => {}, // Redis is gone; the next call says so
    );
  }, lifetime / 5);
  return {
    check() {
      if (isLost) throw new PeftError('state', 'Another sweep has taken this database of Redis over.');
    },
    async release() {
      clearInterval(renewal);
      await redis.eval(letGo, 1, schedulerKey, token);
    },
  };
}
