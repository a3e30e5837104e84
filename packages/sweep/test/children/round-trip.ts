/** Adds a job to a queue of Redis, does it, and says what it came to. */
import { openRedisQueue, workAtRedis } from '../../src/node/redis/index.ts';

async function roundTrip(url: string): Promise<void> {
  const queue = await openRedisQueue(url);
  const stop = new AbortController();
  const work = workAtRedis(url, async () => ({ word: 'done' }), stop.signal);
  await queue.add([{ id: 'one', priority: 1, data: {} }]);
  let outcomes = await queue.outcomes();
  while (outcomes.length === 0) outcomes = await queue.outcomes();
  for (const outcome of outcomes) console.log('value' in outcome ? outcome.value.word : outcome.failure);
  stop.abort();
  await work;
  await queue.close();
}

const [url = ''] = process.argv.slice(2);
void roundTrip(url);
