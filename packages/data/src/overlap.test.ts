import { expect, test } from 'vitest';
import { labeled, numbered, png, temporaryFolder, tensorFile } from '../test/files.ts';
import { countShared, type Dataset, identify, subset, tensorFileDataset, tensorFileOf } from './index.ts';
import { openDataset } from './node/index.ts';

const shared = async (one: Dataset, other: Dataset, most?: number): Promise<number> =>
  countShared(await identify(one), await identify(other), most);

test('pictures that two datasets have are counted, wherever they are', async () => {
  const [red, green] = [await png(1), await png(2)];
  const root = temporaryFolder({
    'train/a/0.png': red,
    'train/b/0.png': green,
    'test/a/other.png': await png(3),
    'test/b/renamed.png': red,
  });
  const [train, test] = [await openDataset(root, 'train'), await openDataset(root, 'test')];
  expect(await shared(test, train)).toBe(1);
  expect(await shared(train, train)).toBe(2);
  expect(await shared(train, train, 1)).toBe(1);
});

test('pictures whose files begin alike are not the same', async () => {
  const bytes = tensorFile({ images: numbered(4, 2, 2, 1), labels: labeled(0, 1, 0, 1) });
  const dataset = await tensorFileDataset(tensorFileOf(bytes, 'digits'), 'digits');
  const [first, second] = [Int32Array.of(0, 1), Int32Array.of(2, 3)].map(part => subset(dataset, part, 'part'));
  const alike = async (index: number): Promise<string> => `size ${index}`;
  expect(await shared({ ...first, digest: alike }, { ...second, digest: alike })).toBe(0);
  expect(await shared({ ...first, digest: alike }, { ...first, digest: alike })).toBe(2);
  expect(await shared({ ...first, digest: undefined }, { ...first, digest: undefined })).toBe(0);
});
