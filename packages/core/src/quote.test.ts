import { expect, test } from 'vitest';
import { quote, quoteSome } from './quote.ts';

test.each<[unknown, string]>([
  ['a "name"', '"a \\"name\\""'],
  ['two\nlines \u001b[2J \u009b \u202e', '"two\\nlines \\u001b[2J \\u009b \\u202e"'],
  ['x'.repeat(1000), `"${'x'.repeat(120)}..."`],
  [0.5, '0.5'],
  [undefined, 'undefined'],
  [null, 'null'],
  [[1, 'a'], '[1, "a"]'],
  [[[1]], 'a list of 1 items'],
  [Array.from({ length: 9 }, () => 1), 'a list of 9 items'],
  [{ a: 1 }, 'an object'],
  [() => 1, 'a function'],
])('%o is quoted as %s', (value, expected) => expect(quote(value)).toBe(expected));

test('of many values the first are quoted, and the rest counted', () => {
  expect(quoteSome(['a', 'b'])).toBe('"a", "b"');
  expect(quoteSome(['a', 'b', 'c'], 2)).toBe('"a", "b" and 1 more');
});
