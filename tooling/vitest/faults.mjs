import fs from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The functions that touch the disk. */
const operations = [
  'copyFile',
  'mkdir',
  'open',
  'readFile',
  'readdir',
  'realpath',
  'rename',
  'rm',
  'rmdir',
  'stat',
  'writeFile',
];
const handleOperations = ['close', 'read', 'sync', 'write', 'writeFile'];

/** @type {{ at: number, how: string, done: string[] } | undefined} */
let current;

/**
 * @param {object} owner
 * @param {string} name
 */
function wrap(owner, name) {
  const original = Reflect.get(owner, name);
  /** @this {object} @param {unknown[]} args */
  Reflect.set(owner, name, async function (...args) {
    const fault = current;
    if (!fault) return original.apply(this, args);
    fault.done.push(name);
    if (fault.done.length !== fault.at) return original.apply(this, args);
    if (fault.how === 'kill') {
      // Half of what is written gets to the disk.
      if (owner !== fs && name === 'writeFile')
        await original.call(this, Buffer.from(args[0]).subarray(0, args[0].length / 2));
      process.kill(process.pid, 'SIGKILL');
      await new Promise(() => {});
    }
    if (name === 'close') await original.apply(this, args);
    throw Object.assign(new Error(`${fault.how}: injected, ${name}`), { code: fault.how });
  });
}

let isWrapped = false;

async function wrapAll() {
  if (isWrapped) return;
  isWrapped = true;
  const folder = await fs.mkdtemp(join(tmpdir(), 'peft-faults-'));
  const handle = await fs.open(folder);
  const prototype = Object.getPrototypeOf(handle);
  await handle.close();
  await fs.rmdir(folder);
  for (const name of handleOperations) wrap(prototype, name);
  for (const name of operations) wrap(fs, name);
  syncBuiltinESMExports();
}

/**
 * Runs `task` while the `at`-th operation on files, counted from 1, fails with an error code (`EIO`, `ENOSPC`), or the process
 * is killed before it (`kill`; in the middle of it, if it writes). Node's own `fs/promises` is wrapped: the code that is
 * tested is as it is.
 *
 * @param {{ at?: number, how?: string }} fault
 * @param {() => Promise<unknown>} task
 * @returns {Promise<string[]>} the operations that were begun
 */
export async function withFault({ at = 0, how = 'none' }, task) {
  await wrapAll();
  const fault = { at, how, done: [] };
  current = fault;
  try {
    await task();
  } finally {
    current = undefined;
  }
  return fault.done;
}
