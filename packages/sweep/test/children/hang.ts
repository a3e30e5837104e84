/** A worker that takes a job and never ends it: of the queue in a folder, or of a database of Redis. */
import { type Handler, workAt } from '../../src/node/index.ts';
import { workAtRedis } from '../../src/node/redis/index.ts';

const [place = ''] = process.argv.slice(2);
const hang: Handler = async () => {
  console.log('has a job');
  return new Promise(() => {});
};
const { signal } = new AbortController();
void (place.startsWith('redis:') ? workAtRedis(place, hang, signal, { silence: 1000 }) : workAt(place, hang, signal));
