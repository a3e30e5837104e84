import { appendFile, mkdir, mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openJournal } from './index.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'peft-journal-'));
});
afterEach(() => rm(folder, { recursive: true }));

describe('a journal', () => {
  test('keeps lines in order, also those of calls that do not wait for one another', async () => {
    const path = join(folder, 'new', 'journal.jsonl');
    const journal = await openJournal(path);
    expect(journal.lines).toEqual([]);
    const lines = Array.from({ length: 200 }, (_, i) => `line ${i}`);
    await Promise.all(lines.map(line => journal.append([line])));
    await journal.close();
    expect((await readFile(path, 'utf8')).trim().split('\n')).toEqual(lines);
    const again = await openJournal(path);
    expect(again.lines).toEqual(lines);
    await again.append(['last', 'of all']);
    await again.close();
    expect((await readFile(path, 'utf8')).trim().split('\n')).toEqual([...lines, 'last', 'of all']);
  });

  test('cut anywhere has the lines before the cut, and goes on after them', async () => {
    const path = join(folder, 'journal.jsonl');
    const whole = '{"a":1}\n{"b":"ä"}\n';
    const { length } = Buffer.from(whole);
    for (let cut = 0; cut <= length; cut++) {
      await writeFile(path, whole);
      await truncate(path, cut);
      const journal = await openJournal(path);
      const before = Buffer.from(whole).subarray(0, cut).toString('latin1').split('\n').length - 1;
      expect(journal.lines).toEqual(['{"a":1}', '{"b":"ä"}'].slice(0, before));
      await journal.append(['{"c":2}']);
      await journal.close();
      expect((await openJournal(path)).lines).toEqual([...journal.lines, '{"c":2}']);
    }
  });

  test('refuses a line with a line break, and a folder in its place', async () => {
    const path = join(folder, 'journal.jsonl');
    const journal = await openJournal(path);
    expect(() => journal.append(['a\nb'])).toThrow(/no line break/);
    await journal.append(['c']);
    await journal.close();
    expect(await readFile(path, 'utf8')).toBe('c\n');
    await mkdir(join(folder, 'a folder'));
    await expect(openJournal(join(folder, 'a folder'))).rejects.toMatchObject({ code: 'bad-file' });
    await appendFile(path, 'torn');
    expect((await openJournal(path)).lines).toEqual(['c']);
  });
});
