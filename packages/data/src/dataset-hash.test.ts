import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { labeled, numbered, png, temporaryFolder, tensorFile } from '../test/files.ts';
import { concat, datasetHash, relabel, subset, tensorFileDataset, tensorFileOf } from './index.ts';
import { openDataset } from './node/index.ts';

const folder = async (): Promise<string> =>
  temporaryFolder({
    'a/0.png': await png(1),
    'a/1.png': await png(2),
    'b/0.png': await png(3),
    'b/1.png': await png(4),
  });

const hashOf = async (path: string): Promise<string> => datasetHash(await openDataset(path, 'all'));

test('the hash of a folder stays where it is moved, and changes with its pictures and classes', async () => {
  const path = await folder();
  const before = await hashOf(path);
  expect(before).toMatch(/^[0-9a-f]{64}$/);
  expect(await hashOf(await folder())).toBe(before);
  writeFileSync(join(path, 'b', '2.png'), await png(5));
  const more = await hashOf(path);
  expect(more).not.toBe(before);
  writeFileSync(join(path, 'b', '2.png'), await png(6));
  expect(await hashOf(path)).not.toBe(more);
  const other = await folder();
  renameSync(join(other, 'b'), join(other, 'c'));
  expect(await hashOf(other)).not.toBe(before);
});

test('the hash follows parts, joins and labels', async () => {
  const bytes = tensorFile({ images: numbered(4, 2, 2, 1), labels: labeled(0, 1, 0, 1) });
  const dataset = await tensorFileDataset(tensorFileOf(bytes, 'digits'), 'digits');
  const [first, second] = [Int32Array.of(0, 1), Int32Array.of(2, 3)].map(part => subset(dataset, part, 'part'));
  const whole = await datasetHash(dataset);
  expect(await datasetHash(concat([first, second], 'joined'))).toBe(whole);
  expect(await datasetHash(first)).not.toBe(await datasetHash(second));
  expect(await datasetHash(relabel({ ...dataset, numbered: false }, ['1', '0']))).not.toBe(whole);
});
