import type { Outcome } from '../src/node/index.ts';
import { openRedisQueue, workAtRedis } from '../src/node/redis/index.ts';

/** Adds a job to a queue of Redis, does it, and gives what it came to. Its id would be an integer, which BullMQ refuses as one. */
export async function roundTrip(url: string): Promise<readonly Outcome[]> {
  const queue = await openRedisQueue(url);
  const stop = new AbortController();
  const work = workAtRedis(url, async () => ({ done: true }), stop.signal);
  await queue.add([{ id: '1234567890123456', priority: 1, data: {} }]);
  let outcomes = await queue.outcomes();
  while (outcomes.length === 0) outcomes = await queue.outcomes();
  stop.abort();
  await work;
  await queue.close();
  return outcomes;
}
