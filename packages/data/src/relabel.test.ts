import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ten } from '../test/files.ts';
import { type Dataset, relabel, remarks, subset } from './index.ts';

const named = (...classes: string[]): Dataset => ({
  ...ten([], async index => ({ data: Uint8Array.of(index, 0, 0), width: 1, height: 1 })),
  classes,
  labels: () => Int32Array.from({ length: 10 }, (_, i) => i % classes.length),
});

test('labels follow the names, whatever the order', () => {
  const names = fc.uniqueArray(fc.string(), { minLength: 3, maxLength: 12 });
  fc.assert(
    fc.property(names, fc.nat(), (classes, seed) => {
      const own = [...classes].sort((a, b) => ((a.length * 7 + seed) % 5) - ((b.length * 7 + seed) % 5)).slice(0, 3);
      fc.pre(new Set(classes.map(name => name.normalize('NFC'))).size === classes.length);
      const dataset = named(...own);
      const matched = relabel(dataset, classes);
      expect(matched.classes).toBe(classes);
      expect([...matched.labels()].map(label => classes[label])).toEqual(
        [...dataset.labels()].map(label => own[label]),
      );
    }),
  );
});

test('pictures stay, some of the classes are enough, and a subset of it is right', async () => {
  const matched = relabel(named('b', 'c', 'a'), ['a', 'b', 'x', 'c']);
  expect([...matched.labels()]).toEqual([1, 3, 0, 1, 3, 0, 1, 3, 0, 1]);
  const part = subset(matched, Int32Array.of(5, 1), 'part');
  if (part.preprocessed) throw new Error('It has tensors.');
  expect([[...part.labels()], (await part.picture(0)).data[0]]).toEqual([[0, 3], 5]);
  expect(remarks(matched)).toEqual(['no pictures of 1 of 4 classes: "x"']);
});

test('names that the model does not know are refused with both lists', () => {
  expect(() => relabel(named('a', 'b', 'dog'), ['a', 'b', 'cat'])).toThrow(
    expect.objectContaining({
      code: 'no-match',
      message: expect.stringMatching(
        /^ten has classes that the model does not have: "dog"\.\n {2}the data's: "a", "b", "dog"\n {2}the model's: "a", "b", "cat"\n/,
      ),
    }),
  );
  const many = Array.from({ length: 1000 }, (_, i) => `class ${i} ${'x'.repeat(1000)}`);
  const failure = (() => {
    try {
      return relabel(named(...many), ['a']);
    } catch (error) {
      return error as Error;
    }
  })() as Error;
  expect(failure.message.length).toBeLessThan(2500);
  expect(failure.message).toContain('and 992 more');
});

test('a name that the model has twice is refused only where the data has it', () => {
  const classes = ['crane', 'maillot', 'crane', 'bus'];
  expect([...relabel(named('bus', 'maillot'), classes).labels().slice(0, 2)]).toEqual([3, 1]);
  expect(() => relabel(named('bus', 'crane', 'maillot'), classes)).toThrow(/more than one class called "crane"/);
});

test('a label that is none of the classes is refused', () => {
  const wrong = { ...named('bus', 'crane'), labels: () => Int32Array.of(0, 2) };
  expect(() => relabel(wrong, ['crane', 'bus'])).toThrow(
    expect.objectContaining({ code: 'bad-argument', message: expect.stringContaining('label 2') }),
  );
});

test('one name in two spellings of Unicode is one name', () => {
  expect([
    ...relabel(named('cafe\u0301', 'b', 'c'), ['b', 'c', 'caf\u00e9'])
      .labels()
      .slice(0, 3),
  ]).toEqual([2, 0, 1]);
});

test('mere numbers are matched by position', () => {
  const numbered: Dataset = { ...named('0', '1', '2'), numbered: true };
  const matched = relabel(numbered, ['a', 'b', 'c', 'd']);
  expect([matched.classes, [...matched.labels().slice(0, 3)]]).toEqual([
    ['a', 'b', 'c', 'd'],
    [0, 1, 2],
  ]);
  expect(() => relabel(numbered, ['a', 'b'])).toThrow(/does not have: "2"/);
  expect([
    ...relabel(named('a', 'b', 'c'), ['0', '1', '2'])
      .labels()
      .slice(0, 3),
  ]).toEqual([0, 1, 2]);
  expect([
    ...relabel(named('2', '1', '0'), ['0', '1', '2'])
      .labels()
      .slice(0, 3),
  ]).toEqual([2, 1, 0]);
});
