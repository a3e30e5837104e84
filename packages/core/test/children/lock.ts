import { setTimeout as sleep } from 'node:timers/promises';
import { lockFolder } from '../../src/node/index.ts';

/** Locks a folder and says so; then ends at once, or waits to be killed. */
const [folder, then] = process.argv.slice(2);

async function main(): Promise<void> {
  try {
    await lockFolder(folder);
  } catch (error) {
    console.error(String(error));
    process.exit(1);
  }
  console.log('locked');
  if (then === 'wait') await sleep(60_000);
  process.exit(0);
}

void main();
