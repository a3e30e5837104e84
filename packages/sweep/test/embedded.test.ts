import { appendFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundle, start } from '@peft/vitest/child';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openEmbeddedQueue, workAt } from '../src/node/index.ts';
import { conformance } from './conformance.ts';

let scratch: string;
let program: string;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'peft-sweep-'));
  program = await bundle(new URL('children/hang.ts', import.meta.url).pathname, scratch);
});
afterAll(() => rm(scratch, { recursive: true }));

const place = (): Promise<string> => mkdtemp(join(scratch, 'queue-'));

conformance('embedded', async () => {
  const folder = await place();
  return {
    open: retry => openEmbeddedQueue(folder, retry),
    work: (handler, signal) => workAt(folder, handler, signal),
    hang: () =>
      new Promise(resolve => {
        const { kill } = start(program, [folder], () => resolve({ kill }));
      }),
    close: () => rm(folder, { recursive: true }),
  };
});

test('a torn line at the end of the journal is repaired, and what is over leaves it', async () => {
  const folder = await place();
  const journal = join(folder, 'journal.jsonl');
  let queue = await openEmbeddedQueue(folder);
  await queue.add([
    { id: 'a', priority: 1, data: {} },
    { id: 'b', priority: 1, data: {} },
  ]);
  const stop = new AbortController();
  const work = workAt(folder, async ({ id }) => ({ id }), stop.signal);
  while ((await queue.outcomes()).length < 2);
  await queue.take(['a']);
  stop.abort();
  await work;
  await queue.close();
  await appendFile(journal, '{"drop":["b"');
  queue = await openEmbeddedQueue(folder);
  expect((await queue.outcomes()).map(({ id }) => id)).toEqual(['b']);
  expect((await readFile(journal, 'utf8')).trim().split('\n')).toHaveLength(2);
  await queue.close();
  await appendFile(journal, 'not JSON\n');
  await expect(openEmbeddedQueue(folder)).rejects.toThrow(/journal\.jsonl, line 3 is damaged/);
});
