import { expect, test } from 'vitest';
import type { Picture } from './pictures.ts';
import { duplicatesOf, problemsOf } from './problems.ts';

let made = 0;
const pictures = (label: string, count: number, hash?: string): Picture[] =>
  Array.from({ length: count }, () => {
    const id = String(made++);
    const blob = new Blob();
    return { id, name: id, label, hash: hash ?? id, blob, thumb: blob, width: 1, height: 1 };
  });

const problems = (classes: readonly string[], all: readonly Picture[]) =>
  problemsOf({ classes: classes.map(name => ({ id: name, name })), pictures: all }, duplicatesOf(all));

test('enough pictures of two classes are no problem', () => {
  expect(problems(['a', 'b'], [...pictures('a', 20), ...pictures('b', 20)])).toEqual([]);
});

test('one class, or a class that is too small, stops training', () => {
  expect(problems(['a'], pictures('a', 20))).toMatchObject([{ blocks: true }]);
  expect(problems(['a', 'b'], [...pictures('a', 20), ...pictures('b', 4)])).toMatchObject([
    { blocks: true, text: expect.stringContaining('b (4)') },
  ]);
});

test('a small class is pointed out', () => {
  expect(problems(['a', 'b'], [...pictures('a', 20), ...pictures('b', 19)])).toMatchObject([
    { blocks: false, text: expect.stringContaining('b (19)') },
  ]);
});

test('duplicates are found, and those across classes apart', () => {
  const [one, other] = [pictures('a', 1, 'same'), pictures('b', 2, 'same')];
  const found = problems(['a', 'b'], [...pictures('a', 20), ...pictures('b', 20), ...one, ...other]);
  expect(found).toMatchObject([
    { text: expect.stringMatching(/^A picture is in/), pictures: [...one, ...other].map(({ id }) => id) },
    { text: expect.stringMatching(/^2 pictures are copies/), pictures: other.map(({ id }) => id) },
  ]);
});
