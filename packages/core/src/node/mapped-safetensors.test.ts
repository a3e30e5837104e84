import { createHash } from 'node:crypto';
import { appendFile, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { fromFloat32, parseSafetensors, serializeSafetensors, toFloat32 } from '../index.ts';
import { mapSafetensors } from './mapped-safetensors.ts';

const contents = serializeSafetensors(
  [
    ['a', fromFloat32(Float32Array.of(1, 2, 3), [3])],
    ['b', fromFloat32(Float32Array.of(4, 5), [1, 2], 'F16')],
  ],
  { format: 'pt' },
);
let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mapped-'));
  path = join(folder, 'w.safetensors');
  await writeFile(path, contents);
});
afterEach(() => rm(folder, { recursive: true }));

test('gives what parsing the whole file gives, in arrays of their own', async () => {
  const [mapped, parsed] = [mapSafetensors(path), parseSafetensors(contents, path)];
  expect(mapped.metadata).toEqual(parsed.metadata);
  expect([...mapped.tensors.keys()]).toEqual([...parsed.tensors.keys()]);
  for (const [name, { dtype, shape, bytes }] of parsed.tensors) {
    const tensor = mapped.tensors.get(name)!;
    expect({ dtype: tensor.dtype, shape: tensor.shape, bytes: tensor.bytes }).toEqual({
      dtype,
      shape,
      bytes: Uint8Array.from(bytes),
    });
    expect(tensor.bytes.buffer).not.toBe(tensor.bytes.buffer);
    const read = await tensor.read?.();
    expect(read).toEqual(tensor.bytes);
    expect((await tensor.read?.())?.buffer).not.toBe(read?.buffer);
  }
});

test('refuses a file that is not what it was, and one that is gone', async () => {
  const { tensors, checkUnchanged } = mapSafetensors(path);
  checkUnchanged();
  await utimes(path, 1, 1);
  expect(() => tensors.get('a')?.bytes).toThrow(/has changed since it was opened/);
  await expect(tensors.get('a')?.read?.()).rejects.toThrow(/has changed since it was opened/);
  expect(checkUnchanged).toThrow(/has changed/);
  await rm(path);
  expect(() => tensors.get('a')?.bytes).toThrow(expect.objectContaining({ code: 'missing' }));
  await expect(tensors.get('a')?.read?.()).rejects.toThrow(expect.objectContaining({ code: 'missing' }));
});

test('knows a file that was only touched by its hash', async () => {
  const { tensors, setHash, checkUnchanged } = mapSafetensors(path);
  setHash(createHash('sha256').update(contents).digest('hex'));
  await utimes(path, 1, 1);
  checkUnchanged();
  expect(toFloat32(tensors.get('a')!)).toEqual(Float32Array.of(1, 2, 3));
  await appendFile(path, 'x');
  expect(checkUnchanged).toThrow(/has changed/);
});

test('refuses a file that is truncated or padded', async () => {
  await appendFile(path, 'x');
  expect(() => mapSafetensors(path)).toThrow(/truncated or padded/);
  await writeFile(path, contents.subarray(0, 5));
  expect(() => mapSafetensors(path)).toThrow(expect.objectContaining({ code: 'bad-file' }));
});
