import { readFileSync } from 'node:fs';
import { withFault } from '@peft/vitest/faults';
import { placeAdapterFiles } from '../../src/node/adapter-folder.ts';

/**
 * Saves the states of a test, which a JSON file holds, to a folder: one after the other, or killed at an operation on files
 * in the first.
 */
const [folder, states, at] = process.argv.slice(2);

async function main(): Promise<void> {
  for (const files of JSON.parse(readFileSync(states, 'utf8')) as Record<string, string>[]) {
    const decoded = Object.entries(files).map(([name, base64]) => [name, Buffer.from(base64, 'base64')]);
    const save = () => placeAdapterFiles(folder, Object.fromEntries(decoded));
    if (at === undefined) await save();
    else await withFault({ at: Number(at), how: 'kill' }, save);
  }
}

void main();
