import * as tf from '@tensorflow/tfjs-core';
import { expect, test } from 'vitest';
import { isDeferred, retainDeferred } from '../engine/index.ts';
import { deferredVariable } from './deferred.ts';
import { sameData } from './tfjs.ts';

/** A variable of four numbers, and how often they were read. */
function counted(): { variable: tf.Variable; reads: () => number } {
  let reads = 0;
  const readSync = (): Float32Array => {
    reads++;
    return Float32Array.of(1, 2, 3, 4);
  };
  return { variable: deferredVariable([2, 2], { readSync, read: async () => readSync() }), reads: () => reads };
}

test('values are read when something needs them, and by each reader until an op has taken them', async () => {
  const { variable, reads } = counted();
  expect([reads(), isDeferred(variable.dataId)]).toEqual([0, true]);
  expect([...(await variable.data())]).toEqual([1, 2, 3, 4]);
  expect([...(await variable.data())]).toEqual([1, 2, 3, 4]);
  expect([reads(), isDeferred(variable.dataId)]).toEqual([2, true]);
  const [row, column] = [tf.sum(variable, 1), tf.sum(variable, 0)];
  expect([...(await row.data()), ...(await column.data())]).toEqual([3, 7, 4, 6]);
  expect([reads(), isDeferred(variable.dataId)]).toEqual([3, false]);
  tf.dispose([row, column, variable]);
});

test('it is a variable like any other: it can be assigned, shared and freed, read or not', async () => {
  const before = tf.memory();
  const [read, unread] = [counted().variable, counted().variable];
  expect(tf.memory().numBytes - before.numBytes).toBe(32);
  const alias = tf.clone(read);
  read.assign(
    tf.tensor2d([
      [5, 6],
      [7, 8],
    ]),
  );
  expect([...(await read.data()), ...(await alias.data())]).toEqual([5, 6, 7, 8, 1, 2, 3, 4]);
  unread.assign(tf.clone(read));
  expect([...(await unread.data())]).toEqual([5, 6, 7, 8]);
  tf.dispose([read, alias, unread, counted().variable]);
  expect(Object.keys(tf.engine().registeredVariables)).not.toContain(unread.name);
});

test('a tidy keeps it, and freeing it frees everything', () => {
  const before = tf.memory();
  const variable = tf.tidy(() => counted().variable);
  expect(variable.isDisposed).toBe(false);
  tf.neg(variable).dispose();
  tf.dispose([variable, counted().variable]);
  expect(tf.memory()).toEqual(before);
});

test('it tells once when it lets go of its values, however that is', () => {
  const released: string[] = [];
  const made = (name: string): tf.Variable => {
    const readSync = (): Float32Array => Float32Array.of(1, 2);
    return deferredVariable([2], { readSync, read: async () => readSync(), released: () => released.push(name) });
  };
  const [disposed, read, assigned] = [made('disposed'), made('read'), made('assigned')];
  tf.neg(read).dispose();
  expect(released).toEqual([]);
  tf.dispose([disposed, read]);
  assigned.assign(tf.tensor1d([3, 4]));
  expect(released).toEqual(['disposed', 'read', 'assigned']);
  assigned.assign(tf.tensor1d([5, 6]));
  tf.dispose([disposed, assigned]);
  expect(released).toHaveLength(3);

  const merged = made('merged');
  const own = sameData(merged);
  merged.assign(tf.tensor1d([3, 4]));
  merged.assign(own);
  merged.dispose();
  own.dispose();
  expect(released.slice(3)).toEqual(['merged', 'merged']);
});

test('a count of its own keeps values that were not read', async () => {
  const { variable, reads } = counted();
  expect(retainDeferred(variable.dataId)).toBe(true);
  const alias = tf.engine().makeTensorFromDataId(variable.dataId, [4], 'float32');
  variable.dispose();
  expect(reads()).toBe(0);
  expect([...(await alias.data())]).toEqual([1, 2, 3, 4]);
  tf.neg(alias).dispose();
  expect(retainDeferred(alias.dataId)).toBe(false);
  alias.dispose();
});
