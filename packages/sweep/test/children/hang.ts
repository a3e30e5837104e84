/** A worker that takes a job and never ends it. */
import { workAt } from '../../src/node/embedded/worker.ts';

const [folder = ''] = process.argv.slice(2);
void workAt(
  folder,
  async () => {
    console.log('has a job');
    return new Promise(() => {});
  },
  new AbortController().signal,
);
