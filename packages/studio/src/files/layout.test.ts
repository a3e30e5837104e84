import { expect, test } from 'vitest';
import { placeFiles } from './layout.ts';

const placed = (...paths: string[]): unknown[] =>
  placeFiles(paths.map(path => ({ file: new File([], path), path }))).map(({ path, className, part }) => [
    path,
    className,
    part,
  ]);

test('a file without a folder has no class', () => {
  expect(placed('a.jpg')).toEqual([['a.jpg', undefined, undefined]]);
});

test('folders are classes, and the folder around them is not', () => {
  expect(placed('cat/a.jpg', 'pets/dog/b.jpg', 'pets/dog/more/c.jpg')).toEqual([
    ['cat/a.jpg', 'cat', undefined],
    ['pets/dog/b.jpg', 'dog', undefined],
    ['pets/dog/more/c.jpg', 'dog', undefined],
  ]);
});

test('parts go by their usual names, and what is to be trained on is open', () => {
  expect(placed('pets/Training/cat/a.jpg', 'pets/valid/cat/b.jpg', 'test_set/dog/c.jpg')).toEqual([
    ['pets/Training/cat/a.jpg', 'cat', undefined],
    ['pets/valid/cat/b.jpg', 'cat', 'val'],
    ['test_set/dog/c.jpg', 'dog', 'test'],
  ]);
});

test('a class may be called test', () => {
  expect(placed('test/a.jpg')).toEqual([['test/a.jpg', 'test', undefined]]);
});

test('what desktops leave is passed over', () => {
  expect(placed('cat/.DS_Store', '__MACOSX/cat/a.jpg', 'cat/Thumbs.db')).toEqual([]);
});
