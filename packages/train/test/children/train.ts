import '@peft/vitest/cpu';
import { saveAdapters } from '@peft/core/node';
import { findCheckpoint, saveCheckpoint } from '../../src/node/index.ts';
import { tinyRun } from '../runs.ts';

/** Trains in a folder, from its checkpoint if it has one, with a checkpoint after each step, and says each step. */
const [folder] = process.argv.slice(2);

async function main(): Promise<void> {
  const { model, trainer } = await tinyRun();
  const found = await findCheckpoint(folder);
  if (found) await trainer.restore(found.bytes, found.path);
  for await (const event of trainer.run()) {
    if (event.type !== 'step') continue;
    console.log(event.step);
    await saveCheckpoint(trainer, folder);
  }
  await saveAdapters(model, folder, { labels: ['red', 'green', 'blue'] });
}

void main();
