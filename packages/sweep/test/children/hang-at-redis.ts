/** A worker that takes a job of Redis and never ends it. */
import { workAtRedis } from '../../src/node/redis/index.ts';

const [url = ''] = process.argv.slice(2);
void workAtRedis(
  url,
  async () => {
    console.log('has a job');
    return new Promise(() => {});
  },
  new AbortController().signal,
  { silence: 1000 },
);
