import '@tensorflow/tfjs-backend-cpu';
import { readAdapterFolder } from '@peft/core';
import * as tf from '@tensorflow/tfjs-core';
import { expect, test } from 'vitest';
import { factories, memoryStore, parseRecord, run } from '../../src/index.ts';
import { collect, tinyInputs } from '../tiny.ts';

const recipe = { set: { r: 2 }, steps: 4, batch: 4, lr: 0.02 };

/** Of the same recipe in Node. */
const nodeLosses = [0.85453, 0.19691, 0.13511, 0.10904];

test('a page runs a recipe, stops it and goes on, to the losses that Node has', async () => {
  expect(typeof document).toBe('object');
  await tf.setBackend('cpu');
  const [store, abort] = [memoryStore(), new AbortController()];
  const stopped = await collect(run(recipe, { ...tinyInputs(), store, signal: abort.signal }), event => {
    if (event.type === 'step' && event.step === 2) abort.abort();
  });
  expect(stopped.events.at(-1)).toMatchObject({ type: 'interrupted', step: 2 });
  const { record } = await collect(run(recipe, { ...tinyInputs(), store, resume: true }));
  expect(parseRecord(JSON.stringify(record), 'record')).toEqual(record);
  expect(readAdapterFolder(store.adapter ?? {}, 'memory', factories).adapters).toHaveLength(1);
  for (const [i, loss] of nodeLosses.entries()) expect(record?.result.losses[i]).toBeCloseTo(loss, 4);
});
