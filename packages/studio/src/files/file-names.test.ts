import { expect, test } from 'vitest';
import { safeName, uniqueNames } from './file-names.ts';

test.each([
  ['cat', 'cat'],
  ['a/b\\c:d', 'a_b_c_d'],
  ['..', '_'],
  ['.hidden', '_hidden'],
  ['end. ', 'end_'],
  ['', '_'],
])('"%s" is the file "%s"', (name, safe) => {
  expect(safeName(name)).toBe(safe);
});

test('names that are there twice get numbers, on systems that ignore case too', () => {
  expect(uniqueNames(['a.jpg', 'A.jpg', 'a.jpg', 'a-2.jpg', 'b'])).toEqual([
    'a.jpg',
    'A-2.jpg',
    'a-3.jpg',
    'a-2-2.jpg',
    'b',
  ]);
});
