import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { withFault } from '@peft/vitest/faults';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { writeAtomic, writeFolderAtomic } from './index.ts';

const shell = (script: string, folder = ''): unknown =>
  execFileSync('sh', ['-c', script, 'sh', folder], { stdio: 'ignore' });

/** Whether a small file system can be mounted, to be filled. */
function canMount(): boolean {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return false;
  try {
    shell('d=$(mktemp -d) && mount -t tmpfs -o size=64k none $d && umount $d && rmdir $d');
    return true;
  } catch {
    return false;
  }
}

const isHost = process.env.PEFT_BACKEND === 'cpu'; // files are written by Node, whatever the backend

describe.runIf(isHost)('atomic writes', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'peft-atomic-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  /** Every file below the folder with its text. */
  async function contents(): Promise<Record<string, string>> {
    const entries = await readdir(folder, { withFileTypes: true, recursive: true });
    const files = entries.filter(entry => entry.isFile()).map(entry => join(entry.parentPath, entry.name));
    const texts = files.map(async file => [file.slice(folder.length + 1), await readFile(file, 'utf8')] as const);
    return Object.fromEntries(await Promise.all(texts));
  }

  test('files are made, in folders of their own, and replaced', async () => {
    await writeAtomic(join(folder, 'deep/er/a.json'), 'old');
    await writeFolderAtomic(join(folder, 'deep'), { 'er/a.json': 'new', 'task/b': Uint8Array.of(98) });
    expect(await contents()).toEqual({ 'deep/er/a.json': 'new', 'deep/task/b': 'b' });
  });

  test('a target whose folder is a file is refused, and the file stays', async () => {
    await writeFile(join(folder, 'file'), 'old');
    const refusal = expect.objectContaining({ code: 'write-failed' });
    await expect(writeAtomic(join(folder, 'file/a'), 'new')).rejects.toThrow(refusal);
    await expect(writeFolderAtomic(join(folder, 'file'), { a: 'new' })).rejects.toThrow(refusal);
    await expect(writeFolderAtomic(folder, { b: 'new', 'c/d': 'new', 'file/a': 'new' })).rejects.toThrow(refusal);
    expect(await contents()).toEqual({ file: 'old' });
    expect(existsSync(join(folder, 'c'))).toBe(false);
  });

  test('a target that is a folder is refused before anything is renamed', async () => {
    await mkdir(join(folder, 'b'));
    await writeFile(join(folder, 'a'), 'old');
    await expect(writeFolderAtomic(folder, { a: 'new', b: 'new' })).rejects.toThrow(/b is a folder/);
    expect(await contents()).toEqual({ a: 'old' });
  });

  test('an index that is not among the files is refused', async () => {
    await expect(writeFolderAtomic(folder, { a: 'new' }, 'index.json')).rejects.toThrow(
      expect.objectContaining({ code: 'bad-argument', message: expect.stringContaining('index.json') }),
    );
    expect(await contents()).toEqual({});
  });

  test('a target that is no file is refused and stays', async () => {
    shell('mkfifo "$1/pipe"', folder);
    await expect(writeAtomic(join(folder, 'pipe'), 'new')).rejects.toThrow(/pipe is not a regular file/);
    await expect(writeFolderAtomic(folder, { a: 'new', pipe: 'new' })).rejects.toThrow(/pipe is not a regular file/);
    expect(await readdir(folder)).toEqual(['pipe']);
  });

  test.each(['EIO', 'ENOSPC'] as const)('a file whose writing fails with %s is the old or the new one', async how => {
    const [path, previous] = [join(folder, 'a'), join(folder, 'previous')];
    const write = () => writeAtomic(path, 'new', { keep: previous });
    const operations = await withFault({}, write);
    expect(operations.filter(name => name === 'sync')).toHaveLength(2);
    for (const place of operations.keys()) {
      await rm(previous, { force: true });
      await writeFile(path, 'old');
      const message = await withFault({ at: place + 1, how }, write).then(
        () => '',
        (error: Error) => error.message,
      );
      const there = await contents();
      const isNew = there.a === 'new';
      expect(message === '' || message.includes('The new file is there')).toBe(isNew);
      expect(message.includes('What was there is as it was')).toBe(there.a === 'old');
      expect(message.includes(`What was there is now ${previous}`)).toBe(there.a === undefined);
      const kept: Record<string, string> = isNew || !there.a ? { previous: 'old' } : {};
      expect(there).toEqual({ ...(there.a && { a: isNew ? 'new' : 'old' }), ...kept });
    }
  });

  test.runIf(isHost && canMount())('a full disk leaves the old files whole and nothing else', async () => {
    shell('mount -t tmpfs -o size=64k none "$1"', folder);
    try {
      await writeFolderAtomic(folder, { a: 'old', b: 'old' });
      const large = new Uint8Array(60_000);
      const full = expect.objectContaining({ code: 'write-failed', message: expect.stringContaining('ENOSPC') });
      await expect(writeFolderAtomic(folder, { a: 'new', b: large, 'new/c': large })).rejects.toThrow(full);
      await expect(writeAtomic(join(folder, 'a'), new Uint8Array(70_000))).rejects.toThrow(full);
      expect(await contents()).toEqual({ a: 'old', b: 'old' });
      expect(existsSync(join(folder, 'new'))).toBe(false);
    } finally {
      shell('umount "$1"', folder);
    }
  });
});
