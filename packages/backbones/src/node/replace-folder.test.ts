import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { bundle, start } from '@peft/vitest/child';
import { withFault } from '@peft/vitest/faults';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { currentFolder, replaceFolder } from './replace-folder.ts';

describe.runIf(process.env.PEFT_BACKEND === 'cpu')('a folder that takes the place of another', () => {
  let scratch: string;
  let child: string;
  let operations: string[];

  beforeAll(async () => {
    scratch = await mkdtemp(join(tmpdir(), 'peft-replace-'));
    child = await bundle(new URL('../../test/children/replace.ts', import.meta.url).pathname, scratch);
    const { made, model } = await pair('counted');
    operations = await withFault({}, () => replaceFolder(made, model));
  });
  afterAll(() => rm(scratch, { recursive: true }));

  async function folderOf(path: string, content: string): Promise<string> {
    await mkdir(path, { recursive: true });
    await writeFile(join(path, 'config.json'), content);
    return path;
  }

  /** A folder, and the one to replace it, in a place of their own. */
  const pair = async (name: string) => ({
    made: await folderOf(join(scratch, name, '.model.new'), 'new'),
    model: await folderOf(join(scratch, name, 'model'), 'old'),
  });

  const contentOf = async (folder: string) => readFile(join(await currentFolder(folder), 'config.json'), 'utf8');

  test('killed at any operation, the old or the new one is read, and the next leaves nothing behind', async () => {
    expect(operations.filter(name => name === 'rename')).toHaveLength(2);
    const seen = new Set<string>();
    for (const place of operations.keys()) {
      const { made, model } = await pair(`killed-${place}`);
      expect((await start(child, [made, model, String(place + 1)]).ended).end).toBe('SIGKILL');
      seen.add(await contentOf(model));
      await replaceFolder(await folderOf(made, 'next'), model);
      expect(await contentOf(model)).toBe('next');
      expect(await readdir(dirname(model))).toEqual(['model']);
    }
    expect([...seen].sort()).toEqual(['new', 'old']);
  });

  test.each(['EIO', 'ENOSPC'] as const)(
    'failed with %s at any operation, the old or the new one is read',
    async how => {
      for (const place of operations.keys()) {
        const { made, model } = await pair(`${how}-${place}`);
        await withFault({ at: place + 1, how }, () => replaceFolder(made, model)).catch(() => {});
        expect(['old', 'new']).toContain(await contentOf(model));
      }
    },
  );
});
