import { mkdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fromInt32, type StoredTensor } from '@peft/core';
import { describe, expect, test } from 'vitest';
import { failure } from '../../test/errors.ts';
import { labeled, numbered, png, temporaryFolder, tensorFile } from '../../test/files.ts';
import { remarks } from '../index.ts';
import { openDataset } from './index.ts';

const listed = async (files: Record<string, string>): Promise<string> =>
  temporaryFolder({ '1.png': await png(1), '2.png': await png(2), '3.png': await png(3), ...files });

/** What opening fails with, in few words. */
async function openingFailure(root: string, split = 'train'): Promise<string> {
  const { message } = await failure(openDataset(root, split));
  expect(message.length).toBeLessThan(2000);
  return message;
}

describe('labels that start at 1', () => {
  test('are refused in lists, by all lists together', async () => {
    const bare = await listed({ 'train.txt': '1.png 1\n2.png 2\n3.png 3' });
    expect(await openingFailure(bare)).toContain('labels start at 1 (1 to 3); subtract 1');
    const named = {
      'classes.txt': 'a\nb\nc',
      'train.txt': '1.png 1\n2.png 2\n3.png 3',
      'test.txt': '1.png 1\n2.png 2',
    };
    expect(await openingFailure(await listed(named), 'test')).toContain('labels start at 1 (1 to 3)');
    const from0 = await listed({ ...named, 'train.txt': '1.png 0\n2.png 1\n3.png 2' });
    expect([...(await openDataset(from0, 'test')).labels()]).toEqual([1, 2]);
  });

  test('are refused in safetensors', async () => {
    const images = numbered(3, 1, 1, 3);
    const file = { images, labels: labeled(1, 2, 3) };
    for (const metadata of [{}, { classes: '["a","b","c"]' }] as Record<string, string>[]) {
      const root = temporaryFolder({ 'x.safetensors': tensorFile(file, metadata) });
      expect(await openingFailure(join(root, 'x.safetensors'), 'all')).toContain('labels start at 1 (1 to 3)');
    }
  });
});

describe('class names', () => {
  test('that are there twice, or empty, are refused with their lines', async () => {
    const train = '1.png 0\n2.png 1';
    const twice = await listed({ 'train.txt': train, 'classes.txt': 'a\nb\na' });
    expect(await openingFailure(twice)).toContain(
      `classes.txt:3 and ${join(twice, 'classes.txt')}:1 are the same class name, "a"`,
    );
    expect(await openingFailure(await listed({ 'train.txt': train, 'classes.txt': 'a\n\nb' }))).toContain(
      'classes.txt:2 is an empty class name',
    );
    const images = numbered(2, 1, 1, 3);
    for (const [classes, expected] of [
      ['["a","a"]', '"classes"[1] and'],
      ['["a",""]', '"classes"[1] is an empty class name'],
    ]) {
      const root = temporaryFolder({ 'x.safetensors': tensorFile({ images, labels: labeled(0, 1) }, { classes }) });
      expect(await openingFailure(join(root, 'x.safetensors'), 'all')).toContain(expected);
    }
  });

  test('that are too few are refused, and those without a picture said', async () => {
    const few = await listed({ 'train.txt': '1.png 0\n2.png 2', 'classes.txt': 'a\nb' });
    expect(await openingFailure(few)).toContain('names 2 classes, so labels are 0 to 1');
    const many = await openDataset(
      await listed({ 'train.txt': '1.png 0\n2.png 2', 'classes.txt': 'a\nb\nc\nd' }),
      'train',
    );
    expect(remarks(many)).toEqual(['no pictures of 2 of 4 classes: "b", "d"']);
  });

  test('with line breaks in them differ from two names', async () => {
    const images = numbered(2, 1, 1, 3);
    const root = temporaryFolder({
      'x.train.safetensors': tensorFile({ images, labels: labeled(0, 1) }, { classes: '["a\\nb","c"]' }),
      'x.test.safetensors': tensorFile({ images, labels: labeled(0, 1) }, { classes: '["a","b\\nc"]' }),
    });
    expect(await openingFailure(join(root, 'x'))).toContain('names other classes than');
  });
});

describe('sizes are bounded before anything is allocated', () => {
  test('labels', async () => {
    expect(await openingFailure(await listed({ 'train.txt': '1.png 0\n2.png 1000000000' }))).toMatch(
      /train\.txt:2: "2\.png 1000000000" is beyond label 262143/,
    );
    const images = numbered(2, 1, 1, 3);
    const wide: StoredTensor = {
      dtype: 'I64',
      shape: [2],
      bytes: new Uint8Array(BigInt64Array.of(0n, 2n ** 60n).buffer),
    };
    for (const [labels, expected] of [
      [fromInt32(Int32Array.of(0, 1e9), [2]), 'labels[1] is 1000000000; labels are 0 to 262143'],
      [wide, `labels: I64 value ${2n ** 60n} does not fit`],
    ] as const) {
      const root = temporaryFolder({ 'x.safetensors': tensorFile({ images, labels }) });
      const message = await openingFailure(join(root, 'x.safetensors'), 'all');
      expect(message).toContain(`${join(root, 'x.safetensors')}: ${expected}`);
    }
  });

  test('lines', async () => {
    const spaces = `1.png${' '.repeat(400_000)}x`;
    expect(await openingFailure(await listed({ 'train.txt': `1.png 0\n${spaces}` }))).toMatch(
      /train\.txt:2: "1\.png {50,}\.\.\."/,
    );
    const blank = await listed({ 'train.txt': `1.png 0\n${' '.repeat(400_000)}\n2.png 1` });
    expect(await openingFailure(blank)).toContain('train.txt:2');
    const many = await listed({ 'train.txt': '1.png\n'.repeat(200_000) });
    expect(await openingFailure(many)).toContain('and 199995 more');
  });

  test('files', async () => {
    const root = await listed({ 'train.txt': '1.png 0\n2.png 1' });
    writeFileSync(join(root, 'classes.txt'), 'name\n'.repeat(1_000_000));
    expect(await openingFailure(root)).toContain('classes.txt has 1000001 lines; the limit is 262144');
    writeFileSync(join(root, 'train.txt'), 'x\n'.repeat(3_000_000));
    expect(await openingFailure(root)).toContain('has 3000001 lines; the limit is 2000000');
    truncateSync(join(root, 'train.txt'), 5e9);
    expect(await openingFailure(root)).toContain('has 5000000000 bytes; the limit is 64000000');
  });

  test('pictures of safetensors', async () => {
    const root = temporaryFolder({
      'empty.safetensors': tensorFile({
        images: { dtype: 'U8', shape: [2, 0, 4, 3], bytes: new Uint8Array() },
        labels: labeled(0, 1),
      }),
      'x.safetensors': tensorFile({ images: numbered(2, 4, 5, 3), labels: labeled(0, 1) }),
    });
    expect(await openingFailure(join(root, 'empty.safetensors'), 'all')).toContain('its size is 4x0');
    const { message } = await failure(openDataset(join(root, 'x.safetensors'), 'all', { maxPixels: 19 }));
    expect(message).toMatch(/^A picture of .*x\.safetensors cannot be decoded: it has 5x4 pixels/);
  });
});

test('a folder or a file in the place of the other is named as what it is', async () => {
  const root = await listed({ 'train.txt': '1.png/x.png 0\n2.png 1' });
  expect(await openingFailure(root)).toContain('1.png/x.png does not exist, or is not a regular file');
  mkdirSync(join(root, 'test.txt'));
  expect((await failure(openDataset(root, 'test'))).message).toContain('no split "test"');
  expect((await failure(openDataset(join(root, '1.png', 'x'), 'train'))).message).toContain(
    'a part of its path is a file',
  );
});
