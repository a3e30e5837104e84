import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, test } from 'vitest';
import { currentScope, hostRandom, withScope } from '../engine/index.ts';
import { bindPaths, DropPath, dropout, key, Module } from '../index.ts';

const training = <T>(seed: number, body: () => T): T =>
  withScope({ training: true, random: hostRandom(key(seed)) }, body);

const values = async (t: tf.Tensor): Promise<number[]> => [...(await t.data())];

class Drops extends Module {
  readonly first = new DropPath(0.25);
  readonly second = new DropPath(0.25);
  forward(x: tf.Tensor): tf.Tensor {
    return this.second.call(this.first.call(x));
  }
}

describe('scopes', () => {
  test('nest, and are restored when the body throws', () => {
    const outside = currentScope();
    const random = hostRandom(key(1));
    withScope({ training: true }, () => {
      withScope({ random }, () => expect(currentScope()).toEqual({ training: true, random }));
      withScope({ training: false }, () => expect(currentScope()).toEqual({ training: false }));
      expect(currentScope()).toEqual({ training: true });
    });
    const failing = (): void => {
      withScope({ training: true }, () => {
        throw new Error('on purpose');
      });
    };
    expect(failing).toThrow('on purpose');
    expect(currentScope()).toBe(outside);
  });

  test('without a random source, training says so where it needs one', () => {
    const drops = bindPaths(new Drops());
    expect(() => withScope({ training: true }, () => drops.call(tf.ones([2, 1])))).toThrow(
      expect.objectContaining({
        code: 'state',
        message: expect.stringMatching(/first needs random numbers.*\n {2}in first/),
      }),
    );
  });
});

describe('dropout', () => {
  test('keeps 1 - rate of the elements, scaled so that the mean stays', async () => {
    const rate = 0.3;
    const found = await values(training(1, () => dropout(tf.ones([20_000]), rate, 'target')));
    const kept = found.filter(value => value !== 0);
    expect(new Set(kept.map(value => value.toFixed(4)))).toEqual(new Set([(1 / (1 - rate)).toFixed(4)]));
    expect(Math.abs(kept.length / found.length - (1 - rate))).toBeLessThan(4 * Math.sqrt((rate * (1 - rate)) / 20_000));
  });

  test('is that of its path and step: the same again, another elsewhere', async () => {
    const draw = (seed: number, path: string) => values(training(seed, () => dropout(tf.ones([64]), 0.5, path)));
    expect(await draw(1, 'a')).toEqual(await draw(1, 'a'));
    expect(await draw(1, 'a')).not.toEqual(await draw(1, 'b'));
    expect(await draw(1, 'a')).not.toEqual(await draw(2, 'a'));
  });

  test('does nothing outside training, or at rate 0', async () => {
    const ones = tf.ones([8]);
    expect(await values(dropout(ones, 0.5, 'target'))).toEqual(await values(ones));
    expect(await values(training(1, () => dropout(ones, 0, 'target')))).toEqual(await values(ones));
  });
});

describe('DropPath', () => {
  test('drops whole samples, each module others', async () => {
    const drops = bindPaths(new Drops());
    const rows = async (f: () => tf.Tensor): Promise<number[]> => {
      const found = await values(training(5, f));
      const ofRow = (i: number) => found.slice(3 * i, 3 * i + 3);
      for (let i = 0; i < 4000; i++) expect(new Set(ofRow(i)).size).toBe(1);
      return Array.from({ length: 4000 }, (_, i) => found[3 * i]);
    };
    const input = tf.ones([4000, 3]);
    const [first, second] = [await rows(() => drops.first.call(input)), await rows(() => drops.second.call(input))];
    const both = await rows(() => drops.call(input));
    const kept = (list: number[]): number => list.filter(value => value > 0).length / list.length;
    expect(Math.abs(kept(first) - 0.75)).toBeLessThan(0.03);
    expect(Math.abs(kept(both) - 0.75 ** 2)).toBeLessThan(0.03); // independent
    expect(first).not.toEqual(second);
    expect(both.map(value => value > 0)).toEqual(first.map((value, i) => value > 0 && second[i] > 0));
  });
});
