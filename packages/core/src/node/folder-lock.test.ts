import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundle, start } from '@peft/vitest/child';
import { withFault } from '@peft/vitest/faults';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { lockFolder, probeWritable, writeAtomic } from './index.ts';
import { processTag, stateOf } from './process-tag.ts';

// Files are written by Node, whatever the backend.
describe.runIf(process.env.PEFT_BACKEND === 'cpu')('a locked folder', () => {
  let scratch: string;
  let child: string;
  let folder: string;
  let count = 0;
  beforeAll(async () => {
    scratch = await mkdtemp(join(tmpdir(), 'peft-lock-'));
    child = await bundle(new URL('../../test/children/lock.ts', import.meta.url).pathname, scratch);
  });
  beforeEach(() => {
    folder = join(scratch, `run-${count++}`, 'out');
  });
  afterAll(() => rm(scratch, { recursive: true }));

  const names = (path: string): Promise<string[]> => readdir(path).catch(() => []);

  /** Another process that locks the folder, and then waits. */
  async function holder(...args: string[]): Promise<ReturnType<typeof start>> {
    let isHeld = (): void => {};
    const held = new Promise<void>(resolve => {
      isHeld = resolve;
    });
    const process = start(child, [folder, ...args], isHeld);
    await Promise.race([held, process.ended]);
    return process;
  }

  test('keeps other processes out, and this one, by whatever path, until it is released', async () => {
    const lock = await lockFolder(folder);
    await symlink(folder, `${folder}-too`);
    const refusal = { code: 'state', message: expect.stringContaining(`in use: process ${process.pid} writes there`) };
    await expect(lockFolder(`${folder}-too`)).rejects.toMatchObject(refusal);
    expect(await start(child, [folder]).ended).toMatchObject({ end: 1, errors: expect.stringContaining('is in use') });
    await lock.release();
    await lock.release();
    expect(await names(join(folder, '..'))).toEqual(['out-too']);
    await (await lockFolder(folder)).release();
  });

  test('is free again when its process ends, and taken over when it was killed', async () => {
    await (await holder('end')).ended;
    expect(await names(folder)).toEqual([]);
    const killed = await holder('wait');
    await expect(lockFolder(folder)).rejects.toMatchObject({ code: 'state' });
    killed.kill();
    await killed.ended;
    expect(await names(folder)).toHaveLength(1);
    const lock = await lockFolder(folder);
    expect(await names(folder)).toEqual([`.peft-lock-${processTag}`]);
    await lock.release();
  });

  test('is not taken for that of a new process with the number of the dead one', () => {
    const [pid, thread, startTime, host] = processTag.split('-');
    expect(stateOf(processTag)).toEqual({ pid: process.pid, state: 'alive' });
    const earlier = [pid, thread, Number(startTime) + 1, host].join('-');
    if (process.platform === 'linux') expect(stateOf(earlier).state).toBe('dead');
    expect(stateOf(['999999999', thread, startTime, host].join('-')).state).toBe('dead');
    expect(stateOf([pid, thread, startTime, '00000000'].join('-')).state, hostname()).toBe('elsewhere');
  });

  test('of another machine stays, and the message says which file to delete', async () => {
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, '.peft-lock-1-0-1-00000000'), '');
    await expect(lockFolder(folder)).rejects.toThrow(/on another machine.*delete .*\.peft-lock-1-0-1-00000000/);
  });

  test('goes to exactly one of several that ask at once', async () => {
    const children = Array.from({ length: 6 }, () => start(child, [folder, 'wait']));
    const ends: unknown[] = [];
    await new Promise<void>(resolve => {
      for (const { ended } of children) void ended.then(({ end }) => ends.push(end) === 5 && resolve());
    });
    for (const { kill } of children) kill();
    await Promise.all(children.map(({ ended }) => ended));
    expect(ends).toEqual([1, 1, 1, 1, 1, 'SIGKILL']);
  });

  test('is proved writable, or refused with the reason, and nothing is left', async () => {
    await probeWritable(folder);
    expect(await names(scratch)).not.toContain(folder.split('/').at(-2));
    await mkdir(join(folder, '..'));
    await writeFile(folder, 'mine');
    const occupied = { code: 'write-failed', message: expect.stringContaining('it is a file, not a folder') };
    for (const probe of [probeWritable, lockFolder]) await expect(probe(folder)).rejects.toMatchObject(occupied);
    await expect(lockFolder(join(folder, 'deeper'))).rejects.toThrow('a folder of this path is a file');
    const operations = await withFault({}, () => probeWritable(join(scratch, 'new/deep')));
    for (const how of ['ENOSPC', 'EIO'] as const) {
      for (const [place, operation] of operations.entries()) {
        const probing = withFault({ at: place + 1, how }, () => probeWritable(join(scratch, 'new/deep')));
        if (operation !== 'rmdir') await expect(probing).rejects.toMatchObject({ code: 'write-failed' });
        else await probing;
        await rm(join(scratch, 'new'), { recursive: true, force: operation !== 'rm' && operation !== 'rmdir' });
      }
    }
  });

  test.runIf(process.platform === 'linux')('is refused where no folder can be made, at once', async () => {
    await expect(probeWritable('/proc/peft/out')).rejects.toThrow(expect.objectContaining({ code: 'write-failed' }));
  });

  test('has no temporary files of dead writers after the next write, and all others', async () => {
    const dead = `.report.json.${processTag.replace(/^\d+/, '999999999')}.0123456789ab.tmp`;
    const living = `.report.json.${processTag}.0123456789ab.tmp`;
    await mkdir(folder, { recursive: true });
    for (const name of [dead, living, '.mine.tmp', 'a.tmp']) await writeFile(join(folder, name), '');
    await writeAtomic(join(folder, 'other.json'), '{}');
    expect((await names(folder)).sort()).toEqual([living, '.mine.tmp', 'a.tmp', 'other.json'].sort());
  });
});
