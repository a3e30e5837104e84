import { withFault } from '@peft/vitest/faults';
import { replaceFolder } from '../../src/node/replace-folder.ts';

/** Puts one folder in the place of another, and is killed at an operation on files. */
const [made, folder, at] = process.argv.slice(2);

void withFault({ at: Number(at), how: 'kill' }, () => replaceFolder(made, folder));
