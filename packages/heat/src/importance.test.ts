import { describe, expect, test } from 'vitest';
import { chooseOff, type MaskScope, namedStrategies, type RankedLayer, toMeanOne } from './importance.ts';

const layer = (path: string, importance: number[], off: number, width = 8): RankedLayer => ({
  path,
  heads: importance.length,
  width,
  importance,
  off,
});

const strategy = (name: string, seed = 0) => namedStrategies(seed).find(one => one.name === name)!;

describe('the importance of heads', () => {
  const where = { path: 'blocks.0.attn', heads: 4 };
  const scores = { q: [1, 2, 3, 2], v: [40, 0, 20, 20] };

  test('is the score of a side, or of both scaled to a mean of one', () => {
    expect(strategy('q').combine(scores, where)).toEqual([1, 2, 3, 2]);
    expect(strategy('v').combine(scores, where)).toEqual([40, 0, 20, 20]);
    expect(strategy('qv').combine(scores, where)).toEqual([0.5 + 2, 1 + 0, 1.5 + 1, 1 + 1]);
    expect(strategy('qv').combine(scores, where, 'q')).toEqual(scores.q);
    expect(strategy('qv').combine({ q: [0, 0, 0, 0], v: [1, 1, 1, 1] }, where)).toEqual([1, 1, 1, 1]);
  });

  test('scales signed scores by their sizes', () => {
    expect(toMeanOne([-3, 1, 0, 0])).toEqual([-3, 1, 0, 0]);
    expect(toMeanOne([-6, 6])).toEqual([-1, 1]);
  });

  test('is drawn by seed, layer and side where it is random', () => {
    const drawn = strategy('random', 7).combine({}, where);
    expect(drawn).toHaveLength(4);
    expect(strategy('random', 7).combine({}, where)).toEqual(drawn);
    expect(strategy('random', 8).combine({}, where)).not.toEqual(drawn);
    expect(strategy('random', 7).combine({}, { path: 'blocks.1.attn', heads: 4 })).not.toEqual(drawn);
    expect(strategy('random', 7).combine({}, where, 'v')).not.toEqual(drawn);
  });
});

describe('the heads to turn off', () => {
  const three = [layer('a', [1, 9, 3, 4], 2), layer('b', [8, 2, 3, 4], 2), layer('c', [8, 7, 3, 9], 2)];

  test.each<[MaskScope, Record<string, number[]>]>([
    ['layer', { a: [0, 2], b: [1, 2], c: [1, 2] }],
    ['global', { a: [0, 2], b: [0, 2], c: [0, 2] }], // sums 17, 18, 9, 17: of the two 17, the first
    ['allHeads', { a: [0, 2, 3], b: [1, 2], c: [2] }],
  ])('by scope %s', (scope, expected) => {
    expect(chooseOff(three, scope)).toEqual(expected);
  });

  test('are those with the lower index, of heads that matter as much', () => {
    const even = [layer('a', [5, 5, 5, 5], 2), layer('b', [5, 5, 5, 5], 2)];
    expect(chooseOff(even, 'layer')).toEqual({ a: [0, 1], b: [0, 1] });
    expect(chooseOff(even, 'global')).toEqual({ a: [0, 1], b: [0, 1] });
    expect(chooseOff(even, 'allHeads')).toEqual({ a: [0, 1, 2], b: [0] });
    expect(chooseOff(even, 'layer', { highest: true })).toEqual({ a: [0, 1], b: [0, 1] });
  });

  test('leave every layer a head, however little it matters', () => {
    const uneven = [layer('a', [0, 1, 2], 2), layer('b', [10, 11, 12], 2), layer('c', [20, 21, 22], 2)];
    expect(chooseOff(uneven, 'allHeads')).toEqual({ a: [0, 1], b: [0, 1], c: [0, 1] });
    expect(
      chooseOff(
        uneven.map(one => ({ ...one, off: 1 })),
        'allHeads',
      ),
    ).toEqual({ a: [0, 1], b: [0], c: [] });
  });

  test('are the same among layers of one shape alone: within a stage of a Swin', () => {
    const stages = [
      layer('s0.0', [1, 2], 1, 16),
      layer('s0.1', [9, 2], 1, 16),
      layer('s1.0', [4, 3, 2, 1], 2, 32),
      layer('s1.1', [1, 9, 9, 9], 2, 32),
      layer('wide', [2, 1], 1, 64),
    ];
    expect(chooseOff(stages, 'global')).toEqual({
      's0.0': [1],
      's0.1': [1],
      's1.0': [0, 3],
      's1.1': [0, 3],
      wide: [1],
    });
  });

  test('need not follow the layer with the largest scores', () => {
    const loud = [layer('a', [1, 2], 1), layer('b', [1, 2], 1), layer('c', [300, 200], 1)];
    expect(chooseOff(loud, 'global').a).toEqual([1]);
    expect(chooseOff(loud, 'global', { normalizeLayers: true }).a).toEqual([0]);
  });

  test('are the most important ones for the check', () => {
    expect(chooseOff(three, 'layer', { highest: true })).toEqual({ a: [1, 3], b: [0, 3], c: [0, 3] });
  });
});
