import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { assert, asyncProperty, nat, uint8Array } from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fromFloat32, serializeSafetensors, toFloat32 } from '../index.ts';
import { mapSafetensors, openSafetensors } from './index.ts';

// Files are read by Node, whatever the backend.
describe.runIf(process.env.PEFT_BACKEND === 'cpu')('an open safetensors file', () => {
  const whole = serializeSafetensors(
    [
      ['a', fromFloat32(Float32Array.of(1, 2, 3, 4), [2, 2])],
      ['b', fromFloat32(new Float32Array(0), [0, 3])],
    ],
    { format: 'pt' },
  );
  let folder: string;
  let path: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'peft-open-'));
    path = join(folder, 'model.safetensors');
  });
  afterAll(() => rm(folder, { recursive: true }));

  const opening = async (bytes: Uint8Array): Promise<boolean> => {
    await writeFile(path, bytes);
    try {
      await (await openSafetensors(path)).close();
      return true;
    } catch (error) {
      expect(error).toMatchObject({ name: 'PeftError', code: 'bad-file', message: expect.stringContaining(path) });
      return false;
    }
  };

  test('reads tensors, and rows of them', async () => {
    await writeFile(path, whole);
    const file = await openSafetensors(path);
    const { dtype, shape } = file.header.get('a')!;
    expect([...toFloat32({ dtype, shape, bytes: await file.read('a') })]).toEqual([1, 2, 3, 4]);
    expect([...toFloat32({ dtype, shape: [1, 2], bytes: await file.read('a', 8) })]).toEqual([3, 4]);
    expect(await file.read('b')).toEqual(new Uint8Array());
    expect(file.metadata).toEqual({ format: 'pt' });
    for (const [begin, end] of [
      [0, 17],
      [-1, 4],
      [8, 4],
    ]) {
      await expect(file.read('a', begin, end)).rejects.toThrow(expect.objectContaining({ code: 'bad-argument' }));
    }
    await expect(file.read('c')).rejects.toThrow('has no tensor "c"; it has a, b');
    await truncate(path, whole.length - 4);
    await expect(file.read('a')).rejects.toThrow('ended 4 bytes early');
    await file.close();
  });

  test('refuses what is no file', async () => {
    await expect(openSafetensors(join(folder, 'none'))).rejects.toThrow(expect.objectContaining({ code: 'missing' }));
    await expect(openSafetensors(folder)).rejects.toThrow(expect.objectContaining({ code: 'bad-file' }));
  });

  test.skipIf(process.platform === 'win32')('refuses a pipe and a device without waiting for either', async () => {
    const pipe = join(folder, 'pipe');
    execFileSync('sh', ['-c', 'mkfifo "$1"', 'sh', pipe]);
    for (const path of [pipe, '/dev/zero']) {
      await expect(openSafetensors(path)).rejects.toThrow(`${path} is not a regular file.`);
      expect(() => mapSafetensors(path)).toThrow(`${path} is not a regular file.`);
    }
  });

  test('refuses a header that claims 100 MB before it makes room for it', async () => {
    const bytes = whole.slice();
    new DataView(bytes.buffer).setBigUint64(0, 100_000_000n, true);
    const before = process.memoryUsage().arrayBuffers;
    expect(await opening(bytes)).toBe(false);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(10_000_000);
  });

  test('refuses random bytes and files cut anywhere', async () => {
    await assert(asyncProperty(uint8Array({ maxLength: 48 }), async bytes => void (await opening(bytes))));
    const cut = asyncProperty(nat(whole.length - 1), async length => {
      expect(await opening(whole.subarray(0, length))).toBe(false);
    });
    await assert(cut, { numRuns: 60 });
    expect(await opening(whole)).toBe(true);
  });
});
