import { cp, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundle, start } from '@peft/vitest/child';
import { withFault } from '@peft/vitest/faults';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readState, stateOf } from '../../test/saves.ts';
import { writeAdapterFolder } from '../index.ts';
import { saveAdapters } from './index.ts';

async function saveState(folder: string, state: number): Promise<void> {
  const { model, card } = await stateOf(state);
  await saveAdapters(model, folder, card);
}

// Files are written by Node, whatever the backend.
describe.runIf(process.env.PEFT_BACKEND === 'cpu')('a save that ends early', () => {
  let scratch: string;
  let old: string;
  let child: string;
  /** The operations on files of a save over an old one. */
  let operations: string[];

  beforeAll(async () => {
    scratch = await mkdtemp(join(tmpdir(), 'peft-crash-'));
    old = join(scratch, 'old');
    await saveState(old, 1);
    await writeFile(join(old, 'notes.txt'), 'mine');
    child = await bundle(new URL('../../test/children/save.ts', import.meta.url).pathname, scratch);
    operations = await withFault({}, () => saveState(join(scratch, 'counted'), 2));
    operations = await withFault({}, () => saveState(join(scratch, 'counted'), 2));
  });
  afterAll(() => rm(scratch, { recursive: true }));

  /** The files of many states, for a child to save. */
  async function states(first: number, count: number): Promise<string> {
    const list: Record<string, string>[] = [];
    for (let state = first; state < first + count; state++) {
      const { model, card } = await stateOf(state);
      const files = Object.entries(await writeAdapterFolder(model, card));
      list.push(Object.fromEntries(files.map(([name, bytes]) => [name, Buffer.from(bytes).toString('base64')])));
    }
    const path = join(scratch, `states-${first}.json`);
    await writeFile(path, JSON.stringify(list));
    return path;
  }

  const copy = async (name: string): Promise<string> => {
    const folder = join(scratch, name);
    await cp(old, folder, { recursive: true });
    return folder;
  };

  /** Saves again and looks for what is left over. */
  async function isSwept(folder: string): Promise<void> {
    await saveState(folder, 3);
    expect(await readState(folder)).toBe(3);
    const names = await readdir(folder, { recursive: true });
    expect(names.filter(name => /\.tmp$|lock/.test(name))).toEqual([]);
    expect(names).toContain('notes.txt');
  }

  test('killed at any operation, it leaves the old or the new state', async () => {
    expect(operations.length).toBeGreaterThan(30);
    const left = [0, 0];
    const second = await states(2, 1);
    const places = operations.keys();
    const run = async (): Promise<void> => {
      for (const place of places) {
        const folder = await copy(`killed-${place}`);
        expect((await start(child, [folder, second, String(place + 1)]).ended).end).toBe('SIGKILL');
        left[(await readState(folder)) - 1]++;
        await isSwept(folder);
      }
    };
    await Promise.all([run(), run()]);
    expect(Math.min(...left)).toBeGreaterThan(5);
  });

  test.each(['EIO', 'ENOSPC'] as const)('failed with %s at any operation, it says what is there', async how => {
    for (const place of operations.keys()) {
      const folder = await copy(`${how}-${place}`);
      const before = await readdir(folder, { recursive: true });
      const failure: unknown = await withFault({ at: place + 1, how }, () => saveState(folder, 2)).then(
        () => undefined,
        error => error,
      );
      const state = await readState(folder);
      if (failure === undefined) expect(state).toBe(2);
      else {
        expect(failure).toMatchObject({ name: 'PeftError', code: 'write-failed' });
        const words = state === 1 ? 'What was there is as it was.' : 'The new state is there';
        expect((failure as Error).message).toContain(words);
        const isLeft = (name: string): boolean => !/lock/.test(name); // a claim that could not be removed is ours
        if (state === 1) expect((await readdir(folder, { recursive: true })).filter(isLeft)).toEqual(before);
      }
      await isSwept(folder);
    }
  });

  test('failed at any operation of a first save, it leaves nothing or all', async () => {
    const first = await withFault({}, () => saveState(join(scratch, 'first/deep'), 2));
    for (const place of first.keys()) {
      const folder = join(scratch, `first-${place}`);
      const saving = withFault({ at: place + 1, how: 'ENOSPC' }, () => saveState(join(folder, 'deep'), 2));
      const failure: unknown = await saving.then(
        () => undefined,
        error => error,
      );
      const isThere = (await readdir(scratch)).includes(`first-${place}`);
      if (failure === undefined || isThere) expect(await readState(join(folder, 'deep'))).toBe(2);
      else expect(failure).toMatchObject({ message: expect.stringContaining('What was there is as it was.') });
    }
  });

  test('a reader beside a writer sees the old or the new state, thousands of times', async () => {
    const folder = await copy('beside');
    const writer = start(child, [folder, await states(2, 200)]);
    let isOver = false;
    void writer.ended.then(() => {
      isOver = true;
    });
    const seen: number[] = [];
    while (!isOver) seen.push(await readState(folder));
    expect(await writer.ended).toEqual({ end: 0, errors: '' });
    expect(await readState(folder)).toBe(201);
    expect(new Set(seen).size).toBeGreaterThan(20);
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
    console.log(`${seen.length} looks saw ${new Set(seen).size} states.`);
  });

  test('of two writers at once, the folder is the one of either, and both end well', async () => {
    const folder = await copy('two');
    const lists = [await states(1001, 60), await states(2001, 60)];
    const writers = lists.map(list => start(child, [folder, list]));
    const both = Promise.all(writers.map(({ ended }) => ended));
    let isOver = false;
    void both.then(() => {
      isOver = true;
    });
    while (!isOver) await readState(folder);
    expect(await both).toEqual([1, 2].map(() => ({ end: 0, errors: '' })));
    expect([1060, 2060]).toContain(await readState(folder));
    await isSwept(folder);
  });
});
