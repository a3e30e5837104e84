import { existsSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { sharedFolder } from '@peft/vitest/shared';
import { describe, expect, test } from 'vitest';
import { failure } from '../../test/errors.ts';
import { makePipe, png, temporaryFolder } from '../../test/files.ts';
import { pictureAt, reds } from '../../test/pictures.ts';
import { fixture } from '../../test/reference.ts';
import { relabel, remarks } from '../index.ts';
import { openDataset } from './index.ts';

/** A picture of each of the given paths, whose reds count from 0. */
async function pictures(...paths: string[]): Promise<Record<string, Uint8Array>> {
  return Object.fromEntries(await Promise.all(paths.map(async (path, i) => [path, await png(i)] as const)));
}

describe('splits', () => {
  test.each([
    ['Training', 'Testing', 'Validation'],
    ['Train', 'TEST', 'valid'],
    ['train_set', 'test-set', 'dev'],
    ['training_data', 'test images', 'Val'],
  ])('go by their usual names: %s, %s, %s', async (train, test, val) => {
    const classes = ['a', 'b'].flatMap(name => [train, test, val].map(split => `${split}/${name}/1.png`));
    const root = temporaryFolder(await pictures(...classes));
    for (const [split, stored] of Object.entries({ train, test, val })) {
      for (const name of [split, stored]) {
        const dataset = await openDataset(root, name);
        expect([dataset.name, dataset.size, dataset.classes]).toEqual([join(root, stored), 2, ['a', 'b']]);
      }
    }
    expect((await openDataset(root, 'trainval')).size).toBe(4);
  });

  test('of which two are the same are refused', async () => {
    const root = temporaryFolder(await pictures('val/a/1.png', 'valid/a/1.png', 'train/a/1.png', 'train/b/1.png'));
    expect((await failure(openDataset(root, 'train'))).message).toContain('"val", "valid", which all mean val');
  });

  test('are not classes that are called so', async () => {
    const root = temporaryFolder(await pictures('bus/1.png', 'car/2.png', 'train/3.png'));
    expect((await openDataset(root, 'all')).classes).toEqual(['bus', 'car', 'train']);
  });

  test('of lists and of safetensors go by their usual names too', async () => {
    const files = await pictures('1.png', '2.png');
    const root = temporaryFolder({ ...files, 'train.txt': '1.png 0\n2.png 1', 'Validation.txt': '2.png 1' });
    expect((await openDataset(root, 'val')).name).toBe(join(root, 'Validation.txt'));
    expect((await openDataset(root, 'valid')).size).toBe(1);
  });
});

describe('a level that holds no classes is refused', () => {
  test('one folder around the dataset', async () => {
    for (const inside of ['train/', '', 'inner/']) {
      const root = temporaryFolder(await pictures(`my-data/${inside}a/1.png`, `my-data/${inside}b/1.png`));
      const { code, message } = await failure(openDataset(root, 'all').catch(() => openDataset(root, 'train')));
      expect(code).toBe('bad-file');
      expect(message).toContain('one class only, "my-data", and the folder inside looks like the dataset; give');
      const inner = message.split('give ')[1].slice(0, -1);
      expect((await openDataset(inner, inside === 'train/' ? 'train' : 'all')).classes).toEqual(['a', 'b']);
    }
    const inTrain = temporaryFolder(await pictures('train/wrap/a/1.png', 'train/wrap/b/1.png', 'test/wrap/a/1.png'));
    for (const split of ['train', 'test']) {
      expect((await failure(openDataset(inTrain, split))).message).toContain(`give ${join(inTrain, 'train/wrap')}`);
    }
  });

  test('parts of a dataset that all hold its classes', async () => {
    const root = temporaryFolder(await pictures(...['p1', 'p2'].flatMap(p => ['a', 'b'].map(c => `${p}/${c}/1.png`))));
    const { message } = await failure(openDataset(root, 'train'));
    expect(message).toContain('("p1", "p2") all hold the same folders ("a", "b")');
    expect(message).toContain(`Call them train, val and test, or give one of them: ${join(root, 'p1')}`);
  });

  test('but folders inside of classes are read where they differ, and where there is one', async () => {
    const nested = temporaryFolder(await pictures('cat/images/1.png', 'dog/images/2.png'));
    expect((await openDataset(nested, 'all')).size).toBe(2);
    const kinds = temporaryFolder(
      await pictures('animal/cat/1.png', 'animal/dog/2.png', 'tool/axe/3.png', 'tool/saw/4.png'),
    );
    expect([...(await openDataset(kinds, 'all')).labels()]).toEqual([0, 0, 1, 1]);
  });

  test('many classes are all listed, in order', async () => {
    const names = Array.from({ length: 40 }, (_, i) => `class-${String(i).padStart(2, '0')}`);
    const root = temporaryFolder(await pictures(...names.map(name => `${name}/1.png`)));
    const dataset = await openDataset(root, 'all');
    expect([dataset.classes, await reds(dataset)]).toEqual([names, names.map((_, i) => i)]);
  });

  test('one class, unless it is asked for', async () => {
    const root = temporaryFolder(await pictures('cat/1.png', 'cat/2.png'));
    expect((await failure(openDataset(root, 'all'))).message).toContain('has one class only, "cat"');
    expect((await openDataset(root, 'all', { minClasses: 1 })).size).toBe(2);
    const list = temporaryFolder({ ...(await pictures('1.png')), 'train.txt': '1.png 0', 'classes.txt': 'cat' });
    expect((await failure(openDataset(list, 'train'))).message).toContain('has one class only, "cat"');
  });
});

describe('what is no picture', () => {
  test('is ignored if desktops left it, and else named with its reason', async () => {
    const jpg = readFileSync(fixture('444.jpg'));
    const root = temporaryFolder({
      '__MACOSX/cat/._1.png': 'x',
      '.DS_Store': 'x',
      'Thumbs.db': 'x',
      'cat/desktop.ini': 'x',
      'cat/.hidden.png': 'x',
      'cat/1.png': await png(1),
      'cat/2': jpg,
      'cat/3.jpg_large': jpg,
      'cat/4.nef': Buffer.from('II*\0 a raw file'),
      'cat/5.heic': Buffer.from('\0\0\0\u0018ftypheic\0\0\0\0mif1heic'),
      'cat/6.txt': 'BM, which is no bitmap',
      'dog/7.svg': '<svg xmlns="http://www.w3.org/2000/svg"/>',
      'dog/8.png': await png(8),
      'stray.png': await png(9),
      'README.md': 'is not among the classes',
    });
    const dataset = await openDataset(root, 'all');
    expect(dataset.classes).toEqual(['cat', 'dog']);
    expect(dataset.size).toBe(4);
    expect(dataset.leftOut).toEqual([
      { path: join(root, 'stray.png'), reason: 'is in no class folder' },
      { path: join(root, 'cat/4.nef'), reason: "has TIFF's first bytes under the ending .nef" },
      { path: join(root, 'cat/5.heic'), reason: 'is HEIC, which is not decoded here' },
      { path: join(root, 'cat/6.txt'), reason: 'is not a picture' },
      {
        path: join(root, 'dog/7.svg'),
        reason: 'is SVG, a drawing and not a picture of pixels, which is not decoded here',
      },
    ]);
    expect(remarks(dataset)).toEqual([
      expect.stringMatching(/^left out 5 files: .*stray\.png": is in no class folder; /),
    ]);
    expect((await openDataset(root, 'train')).leftOut).toEqual(dataset.leftOut);
  });

  test('is said where it is all that a class has', async () => {
    const root = temporaryFolder({
      'cat/1.png': await png(1),
      'dog/1.heic': Buffer.from('\0\0\0\u0014ftypheic\0\0\0\0mif1'),
    });
    const { message } = await failure(openDataset(root, 'all'));
    expect(message).toContain(`${join(root, 'dog')} has no pictures`);
    expect(message).toContain('1.heic is HEIC');
  });

  test('a folder beside the splits is named', async () => {
    const root = temporaryFolder(await pictures('train/a/1.png', 'train/b/1.png', 'extra/c/1.png'));
    expect((await openDataset(root, 'train')).leftOut).toEqual([
      { path: join(root, 'extra'), reason: 'is a folder beside the splits' },
    ]);
  });

  test('links that lead nowhere, to themselves or round in circles, and pipes, are named', async () => {
    const root = temporaryFolder(await pictures('cat/1.png', 'dog/2.png'));
    symlinkSync('self', join(root, 'cat/self'));
    symlinkSync('..', join(root, 'cat/up'));
    symlinkSync('.', join(root, 'dog/here'));
    symlinkSync('.', join(root, 'dog/here-too'));
    symlinkSync('gone.png', join(root, 'dog/lost.png'));
    symlinkSync('/dev/zero', join(root, 'dog/zero.png'));
    makePipe(join(root, 'dog/pipe.png'));
    const dataset = await openDataset(root, 'all');
    expect(
      Object.fromEntries(dataset.leftOut!.map(({ path, reason }) => [path.slice(root.length + 1), reason])),
    ).toEqual({
      'cat/self': 'is a link that leads to itself',
      'cat/up/cat': 'is a link to a folder that is listed already',
      'dog/here': 'is a link to a folder that is listed already',
      'dog/here-too': 'is a link to a folder that is listed already',
      'dog/lost.png': 'is a link that leads nowhere',
      'dog/pipe.png': 'is a pipe, a socket or a device',
      'dog/zero.png': 'is a pipe, a socket or a device',
      'cat/up/dog/here': 'is a link to a folder that is listed already',
      'cat/up/dog/here-too': 'is a link to a folder that is listed already',
      'cat/up/dog/lost.png': 'is a link that leads nowhere',
      'cat/up/dog/pipe.png': 'is a pipe, a socket or a device',
      'cat/up/dog/zero.png': 'is a pipe, a socket or a device',
    });
    expect(await failure(openDataset(join(root, 'dog/pipe.png'), 'all'))).toMatchObject({ code: 'bad-file' });
  });

  test('folders that link to each other in a lattice are listed once', async () => {
    const [root, levels] = [temporaryFolder(await pictures('cat/0/1.png', 'dog/2.png')), temporaryFolder()];
    for (let i = 1; i < 40; i++) {
      mkdirSync(join(levels, String(i)));
      for (const side of ['left', 'right']) symlinkSync(join(levels, String(i + 1)), join(levels, String(i), side));
    }
    mkdirSync(join(levels, '40'));
    symlinkSync(join(levels, '1'), join(root, 'cat/deep'));
    const dataset = await openDataset(root, 'all');
    expect(dataset.size).toBe(2);
    expect(dataset.leftOut?.length).toBe(39);
  });
});

describe('broken pictures', () => {
  const bodyWithBroken = async (): Promise<string> => {
    const names = Array.from({ length: 20 }, (_, i) => `${String(i).padStart(2, '0')}.png`);
    const files = await pictures(...['cat', 'dog'].flatMap(name => names.map(file => `${name}/${file}`)));
    const jpeg = readFileSync(new URL('../../test/jpeg/truncated.jpg', import.meta.url));
    return temporaryFolder({ ...files, 'cat/03.png': 'broken', 'dog/07.png': jpeg });
  };

  test('are left out on request, counted and named, and draw no other split', async () => {
    const root = await bodyWithBroken();
    for (const split of ['train', 'val', 'test']) {
      const plain = await openDataset(root, split);
      const skipping = await openDataset(root, split, { skipBroken: true });
      const expected: number[] = [];
      for (let i = 0; i < plain.size; i++) {
        const picture = await pictureAt(plain, i).catch(() => undefined);
        if (picture) expected.push(picture.data[0]);
      }
      expect(await reds(skipping)).toEqual(expected);
      expect(skipping.leftOut?.length).toBe(plain.size - expected.length);
    }
    const all = await openDataset(root, 'all', { skipBroken: true });
    expect([all.size, all.labels().length]).toEqual([38, 38]);
    expect(all.leftOut).toEqual([
      { path: join(root, 'cat/03.png'), reason: 'cannot be decoded: it is not a picture' },
      { path: join(root, 'dog/07.png'), reason: 'cannot be decoded: its JPEG data is damaged or ends early' },
    ]);
  });

  test('of a whole class are said', async () => {
    const root = temporaryFolder({ ...(await pictures('cat/1.png')), 'dog/2.png': 'broken' });
    const dataset = await openDataset(root, 'all', { skipBroken: true });
    expect(remarks(dataset)[1]).toBe('no pictures of 1 of 2 classes: "dog"');
    const none = temporaryFolder({ 'cat/1.png': '', 'dog/2.png': 'broken' });
    expect((await failure(openDataset(none, 'all', { skipBroken: true }))).message).toContain(
      '2 files were left out, as',
    );
  });

  test('are found by lists as well, and by pixels', async () => {
    const root = temporaryFolder({
      ...(await pictures('1.png', '2.png')),
      'large.png': await png(3, 20, 20),
      'train.txt': '1.png 0\nlarge.png 1\n2.png 1',
    });
    const dataset = await openDataset(root, 'train', { skipBroken: true, maxPixels: 100 });
    expect(await reds(dataset)).toEqual([0, 1]);
    expect(dataset.leftOut).toEqual([
      { path: join(root, 'large.png'), reason: 'cannot be decoded: it has 20x20 pixels, more than the limit of 100' },
    ]);
    const strict = await openDataset(root, 'train', { maxPixels: 100 });
    expect((await failure(pictureAt(strict, 1))).message).toMatch(
      /train\.txt:2\) cannot be decoded: it has 20x20 pixels/,
    );
  });
});

const cases = join(sharedFolder, 'cases');

describe.skipIf(!existsSync(cases))('shared cases (skipped where PEFT_SHARED names no folder with them)', () => {
  test('layouts', async () => {
    const [train, test] = await Promise.all(
      ['train', 'test'].map(split => openDataset(join(cases, 'layouts/kaggle'), split)),
    );
    expect([train.classes, train.size, test.size]).toEqual([['glioma', 'meningioma', 'notumor', 'pituitary'], 32, 32]);
    for (const name of ['val', 'valid'])
      expect((await openDataset(join(cases, 'layouts/roboflow'), name)).size).toBe(16);
    const inner = join(cases, 'layouts/onewrap/my-dataset');
    expect((await failure(openDataset(join(cases, 'layouts/onewrap'), 'train'))).message).toContain(`give ${inner}`);
  });

  test('extensions', async () => {
    const dataset = await openDataset(join(cases, 'extensions'), 'all');
    expect([dataset.size, dataset.classes]).toEqual([20, ['cat', 'dog']]);
    expect((await reds(dataset)).length).toBe(20);
    expect(dataset.leftOut?.map(({ path }) => path.slice(-10))).toEqual(['cat/k.heic', 'dog/k.heic']);
    expect(relabel(dataset, ['dog', 'cat']).labels()[0]).toBe(1);
  });
});
