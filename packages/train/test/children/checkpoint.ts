import '@peft/vitest/cpu';
import { type Fault, withFault } from '@peft/vitest/faults';
import { saveCheckpoint } from '../../src/node/index.ts';
import { tinyRun } from '../runs.ts';

/** Trains two steps and is killed at an operation on files of the third checkpoint of a folder. */
const [folder, at] = process.argv.slice(2);
const fault: Fault = { at: Number(at), how: 'kill' };

async function main(): Promise<void> {
  const { trainer } = await tinyRun();
  for await (const { type } of trainer.run()) if (type === 'step' && trainer.step === 3) break;
  await withFault(fault, () => saveCheckpoint(trainer, folder));
}

void main();
