import { describe, expect, test } from 'vitest';
import { PeftError } from '../errors.ts';
import { configure, option, required, splitOptions } from './options.ts';
import * as value from './value.ts';

const options = {
  names: required('Names.', value.list(value.string())),
  r: option('A rank.', value.integer({ min: 1, max: 1000 }), 8),
  rate: option('A rate.', value.number({ min: 0, below: 1 }), 0),
  kind: option('A kind.', value.choice(['a', 'b']), 'a'),
  on: option('A switch.', value.boolean(), false),
  ranks: option('Ranks.', value.table(value.integer({ min: 1 })), {}),
  heads: option('Heads.', value.either(value.string(), value.list(value.integer()))),
  sides: option(
    'Sides.',
    value.table(value.object({ q: value.list(value.number()), v: value.nullable(value.string()) })),
  ),
};

function messageOf(given: object): string {
  try {
    configure('method', options, given);
  } catch (error) {
    expect(error).toBeInstanceOf(PeftError);
    return (error as PeftError).message;
  }
  return 'nothing is wrong';
}

describe('a configuration', () => {
  test('has every option, in the order of the description, with defaults for what is not given', () => {
    const config = configure('method', options, { on: true, names: ['x'], kind: undefined });
    expect(config).toEqual({ names: ['x'], r: 8, rate: 0, kind: 'a', on: true, ranks: {} });
    expect(Object.keys(config)).toEqual(Object.keys(options));
  });

  test.each<[string, object, string]>([
    ['a missing option', { names: undefined }, 'method: names is missing; it must be a list of strings.'],
    ['an unknown one', { rr: 1 }, 'method has no option "rr"; closest: r.'],
    ['an inherited name', JSON.parse('{ "__proto__": 1 }'), 'method has no option "__proto__"; closest: '],
    ['a text for a number', { r: '8' }, 'method: r is "8"; it must be an integer from 1 to 1,000.'],
    ['a number out of range', { r: 1001 }, 'method: r is 1001; it must be an integer from 1 to 1,000.'],
    ['no number', { rate: Number.NaN }, 'method: rate is NaN; it must be in [0, 1).'],
    ['null', { on: null }, 'method: on is null; it must be true or false.'],
    ['another word', { kind: 'toString' }, 'method: kind is "toString"; it must be one of a, b.'],
    ['an object for a list', { names: { length: 1 } }, 'method: names is an object; it must be a list of strings.'],
    ['a wrong entry', { names: ['a', 3] }, 'method: names[1] is 3; it must be a string.'],
    ['a list for a table', { ranks: [1] }, 'method: ranks is [1]; it must be an object of integers of 1 or more'],
    [
      'a wrong value by name',
      { ranks: { 'a.b': 0 } },
      'method: ranks["a.b"] is 0; it must be an integer of 1 or more.',
    ],
    ['an inherited key', { ranks: { constructor: 1 } }, 'method: ranks is an object; it must be an object of integers'],
    ['neither of two kinds', { heads: true }, 'method: heads is true; it must be a string or a list of integers.'],
    ['what is deep inside', { sides: { x: { q: ['1'] } } }, 'method: sides["x"]["q"][0] is "1"; it must be a number.'],
    [
      'a very long text',
      { kind: 'x'.repeat(1000) },
      `method: kind is "${'x'.repeat(120)}..."; it must be one of a, b.`,
    ],
  ])('%s is named, with what it must be', (_, given, message) => {
    expect(messageOf({ names: [], ...given })).toContain(message);
  });

  test('has all that is wrong with it told at once', () => {
    const lines = messageOf({ r: 0, on: 1, nmaes: [] }).split('\n');
    expect(lines).toEqual([
      'method has no option "nmaes"; closest: names.',
      'method: names is missing; it must be a list of strings.',
      'method: r is 0; it must be an integer from 1 to 1,000.',
      'method: on is 1; it must be true or false.',
    ]);
  });
});

test('options are told from those of another method, and unknown ones named with the closest of both', () => {
  const inner = { width: option('A width.', value.integer(), 1) };
  expect(splitOptions('outer', options, inner, { r: 2, width: 3, on: undefined })).toEqual({
    own: { r: 2 },
    inner: { width: 3 },
  });
  expect(() => splitOptions('outer', options, inner, { witdh: 3 })).toThrow(
    'outer has no option "witdh"; closest: width.',
  );
});
