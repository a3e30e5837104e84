import { expect, test } from 'vitest';
import { failure } from '../../test/errors.ts';
import { png, temporaryFolder } from '../../test/files.ts';
import { reds } from '../../test/pictures.ts';
import { openDataset } from './index.ts';

/** `count` pictures each of the classes `cat` and `dog`, in `train`. */
async function folder(count: number): Promise<string> {
  const files: Record<string, Uint8Array> = { 'test/cat/1.png': await png(250), 'test/dog/1.png': await png(251) };
  for (let i = 0; i < count; i++) {
    files[`train/cat/${i}.png`] = await png(i);
    files[`train/dog/${i}.png`] = await png(100 + i);
  }
  return temporaryFolder(files);
}

test('shots are so many pictures of each class, drawn by the seed', async () => {
  const root = await folder(9);
  const drawn = await openDataset(root, 'train', { shots: 4, seed: 1 });
  expect([...drawn.labels()]).toEqual([0, 0, 0, 0, 1, 1, 1, 1]);
  expect(drawn.name).toContain('4 of each class, drawn by seed 1');
  const pictures = await reds(drawn);
  expect(new Set(pictures).size).toBe(8);
  expect(await reds(await openDataset(root, 'train', { shots: 4, seed: 1 }))).toEqual(pictures);
  expect(await reds(await openDataset(root, 'train', { shots: 4, seed: 2 }))).not.toEqual(pictures);
  expect((await openDataset(root, 'train', { shots: 9 })).size).toBe(18);
});

test('shots that a class does not have are refused, and so is none', async () => {
  const root = await folder(3);
  const { code, message } = await failure(openDataset(root, 'train', { shots: 4 }));
  expect([code, message]).toEqual(['bad-argument', expect.stringMatching(/fewer than 4 pictures of "cat", "dog"/)]);
  expect((await failure(openDataset(root, 'train', { shots: 0 }))).message).toContain('shots is 0');
});

const noah = async (extra: Record<string, string | Uint8Array> = {}): Promise<string> =>
  temporaryFolder({
    'images/a b.png': await png(1),
    'images/2.png': await png(2),
    'images/3.png': await png(3),
    'images/4.png': await png(4),
    'annotations/train_meta.list.num_shot_1.seed_0': 'a b.png 0\n2.png 1\n',
    'annotations/train_meta.list.num_shot_1.seed_1': '3.png 0\n2.png 1\n',
    'annotations/val_meta.list': '3.png 0\n4.png 2\n',
    'annotations/test_meta.list': '4.png 2\n',
    'annotations/imagelabels.mat': 'something else',
    ...extra,
  });

test("NOAH's lists are opened by shots and seed", async () => {
  const root = await noah();
  const [first, second] = [
    await openDataset(root, 'train', { shots: 1, seed: 0 }),
    await openDataset(root, 'train', { shots: 1, seed: 1 }),
  ];
  expect([await reds(first), await reds(second)]).toEqual([
    [1, 2],
    [3, 2],
  ]);
  expect(first.classes).toEqual(['0', '1', '2']);
  const held = await openDataset(root, 'test');
  expect([held.classes.length, [...held.labels()], await reds(held)]).toEqual([3, [2], [4]]);
  expect((await openDataset(root, 'val')).size).toBe(2);
});

test("what NOAH's lists lack is refused with what there is", async () => {
  const root = await noah();
  const { code, message } = await failure(openDataset(root, 'train', { shots: 2, seed: 0 }));
  expect([code, message]).toEqual(['missing', expect.stringContaining('train_meta.list.num_shot_1.seed_0')]);
  expect((await failure(openDataset(root, 'train'))).message).toContain('no split "train"; it has val, test');
  const broken = await noah({ 'annotations/test_meta.list': 'gone.png 0\n' });
  expect((await failure(openDataset(broken, 'test'))).message).toMatch(/test_meta\.list:1: .*gone\.png does not exist/);
});

test("pictures stand beside NOAH's annotations where there is no folder of images, as Stanford Cars has them", async () => {
  const root = temporaryFolder({
    'cars_train/1.png': await png(1),
    'cars_train/2.png': await png(2),
    'annotations/train_meta.list': 'cars_train/1.png 0\ncars_train/2.png 1\n',
  });
  expect(await reds(await openDataset(root, 'train'))).toEqual([1, 2]);
  expect(await reds(await openDataset(root, 'train', { shots: 1 }))).toHaveLength(2);
});
