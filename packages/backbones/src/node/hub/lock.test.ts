import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { withLock } from './lock.ts';

describe.runIf(process.env.PEFT_BACKEND === 'cpu')('a lock', () => {
  let folder: string;
  let path: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lock-'));
    path = join(folder, 'deep/lock');
  });
  afterEach(() => rm(folder, { recursive: true }));

  test('lets one in at a time, gives what the work gives, and is gone after it, whether it fails or not', async () => {
    let inside = 0;
    const work = async () => {
      inside += 1;
      expect(inside).toBe(1);
      await new Promise(resolve => setTimeout(resolve, 20));
      inside -= 1;
      return 'done';
    };
    expect(await Promise.all([1, 2, 3].map(() => withLock(path, work)))).toEqual(['done', 'done', 'done']);
    await expect(withLock(path, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(existsSync(path)).toBe(false);
  });

  test('is touched while it is held', async () => {
    const time = async () => (await stat(path)).mtimeMs;
    const touched = withLock(
      path,
      async () => {
        const first = await time();
        await vi.waitFor(async () => expect(await time()).toBeGreaterThan(first), { timeout: 30_000 });
      },
      { beat: 20, silence: 60_000 },
    );
    await expect(touched).resolves.toBeUndefined();
  });

  test('of a holder elsewhere is taken over once it has shown nothing for long enough', async () => {
    await mkdir(join(folder, 'deep'));
    await writeFile(path, '1 another machine');
    const start = performance.now();
    await withLock(path, async () => undefined, { beat: 1000, silence: 300 });
    expect(performance.now() - start).toBeGreaterThan(300);
  });
});
