import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PeftError } from '../errors.ts';
import { fullMatch, matchStart } from '../method/pattern.ts';

/** What Python's `re` answered: scripts/fixtures.py. */
interface Fixture {
  texts: string[];
  /** For each pattern, the groups of `re.fullmatch` on each text that matches, or `null` if Python refuses the pattern. */
  patterns: Record<string, Record<number, (string | null)[]> | null>;
}

const fixture: Fixture = JSON.parse(
  readFileSync(new URL('../../test/fixtures/patterns.json', import.meta.url), 'utf8'),
);

const hasWhole = (pattern: string, text: string): (string | undefined)[] | undefined =>
  matchStart(`(?:${pattern})\\Z`, text);

describe('matches are those of Python', () => {
  test.each(Object.entries(fixture.patterns))('%s', (pattern, answers) => {
    if (answers === null) {
      expect(() => fullMatch(pattern, '')).toThrow(expect.objectContaining({ code: 'bad-config' }));
      return;
    }
    const found = fixture.texts.flatMap((text, i) => (fullMatch(pattern, text) ? [i] : []));
    expect(found).toEqual(Object.keys(answers).map(Number));
    if (/^\(\?[a-z]+\)/.test(pattern)) return; // it cannot be a part of another, as flags stand at the start
    for (const [i, groups] of Object.entries(answers)) {
      const ours = hasWhole(pattern, fixture.texts[Number(i)])!.slice(1);
      expect(ours.map(group => group ?? null)).toEqual(groups);
    }
  });
});

/** Patterns of what Python and JavaScript write alike, with groups and lookaround. */
const { pattern: patterns } = fc.letrec<{ pattern: string; term: string }>(tie => ({
  pattern: fc
    .array(
      fc.array(tie('term'), { maxLength: 4 }).map(terms => terms.join('')),
      { minLength: 1, maxLength: 3 },
    )
    .map(alternatives => alternatives.join('|')),
  term: fc.oneof(
    { maxDepth: 3 },
    fc.constantFrom('a', 'b', '.', '\\.', '\\d', '\\w', '[ab]', '[^a]', '[a-c.]', '\\b', '1'),
    fc.tuple(tie('pattern'), fc.constantFrom('(', '(?:', '(?=', '(?!')).map(([body, open]) => `${open}${body})`),
    fc
      .tuple(tie('pattern'), fc.constantFrom('*', '+', '?', '*?', '+?', '??', '{2}', '{1,2}', '{0,2}?'))
      .map(([body, repeat]) => `(?:${body})${repeat}`),
    fc.constantFrom('(?<=a)', '(?<!b)', '(?<=[ab]\\.)', '(?<!a|b)'),
  ),
}));

test('matches are those of JavaScript, on random patterns', () => {
  const texts = fc.string({ unit: fc.constantFrom('a', 'b', 'c', '.', '1'), maxLength: 7 });
  fc.assert(
    fc.property(patterns, texts, (pattern, text) => {
      expect(fullMatch(pattern, text)).toBe(new RegExp(`^(?:${pattern})$`).test(text));
    }),
    { numRuns: 3000 },
  );
});

test('groups are those of JavaScript, where no repeat can be empty or leave a group out', () => {
  const one = fc.constantFrom('a', 'b', '.', '(a)', '(b|a)', '(a|ab)', '([ab]+)', '(a+?)', '(?=(a))');
  const pattern = fc.array(
    fc
      .tuple(one, fc.constantFrom('', '', '+', '?', '+?'))
      .map(([body, repeat]) => `(?:${body})${repeat}`.replace(/^\(\?:(\(\?=.*\))\).*$/, '$1')),
    { maxLength: 5 },
  );
  fc.assert(
    fc.property(pattern, fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 7 }), (parts, text) => {
      const found = matchStart(parts.join(''), text);
      const expected = text.match(new RegExp(`^(?:${parts.join('')})`));
      expect(found).toEqual(expected ? [...expected] : undefined);
    }),
    { numRuns: 2000 },
  );
});

const path = 'encoder.layers.11.blocks.23.attention.self.relative_position_bias';

test.each([
  '(.*)'.repeat(25),
  '(a*)*b',
  '(.+)+!',
  '(?:.*.*)*x',
  `${'(?:'.repeat(20)}.*${')*'.repeat(20)}!`,
  '(.*)'.repeat(200),
  '(?=(.*)*!)'.repeat(50),
  `(?:(?=.*${'.*'.repeat(50)}!)|.)*`,
  '(?:.{0,100}){0,100}!',
])('%# takes no time: %s', pattern => {
  const start = performance.now();
  for (let i = 0; i < 3; i++) {
    try {
      fullMatch(pattern, `${path}.${i}`);
    } catch (error) {
      expect(error).toBeInstanceOf(PeftError);
    }
  }
  expect(performance.now() - start).toBeLessThan(3000);
});

test.each([
  ['a.(fc', '"a.(fc" is not a regular expression that can be used: a parenthesis is not closed'],
  ['a)', 'a parenthesis is closed that was not opened'],
  ['*', 'there is nothing to repeat'],
  ['a**', 'a repeat is repeated'],
  ['a{3,2}', 'the least number of repeats is more than the most'],
  ['a{1001}', 'more than 1000 repeats are counted'],
  ['(?:(?:a{1000}){1000}){1000}', 'its counted repeats make it too large'],
  ['(a)\\1', 'it refers back to a group, which is not supported'],
  ['(?P<x>a)(?P=x)', 'it refers back to a group, which is not supported'],
  ['(?<=a*)b', 'what is looked for behind must have a fixed width'],
  ['[b-a]', 'the range b-a is the wrong way round'],
  ['[', 'it ends too early'],
  ['\\q', '\\q is not known'],
  ['(?y)a', '(?y is not known'],
  ['a(?i)b', 'flags must stand at the start'],
  ['a'.repeat(10_001), 'it has 10001 characters; 10000 are allowed'],
  ['('.repeat(200), 'its groups are nested more than 100 deep'],
])('%s is refused', (pattern, message) => {
  expect(() => fullMatch(pattern, 'a')).toThrow(
    expect.objectContaining({ code: 'bad-config', message: expect.stringContaining(message) }),
  );
});
