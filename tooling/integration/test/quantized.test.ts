import { startBackend } from '@peft/backends';
import { eagerEngine } from '@peft/core';
import { architectures } from '@peft/testing';
import { describe, expect, test } from 'vitest';
import { methods } from './models.ts';
import { expectSameInEightBits, train } from './runs.ts';

describe.each(architectures)('%s with frozen weights in 8 bits', architecture => {
  test.each(Object.keys(methods))('%s has the same losses on wasm and on cpu', async name => {
    await startBackend('cpu');
    const options = { steps: 20, isQuantized: true };
    const expected = await train(eagerEngine(), architecture, name, options);
    const wide = await train(eagerEngine(), architecture, name, { steps: 1 });
    expect(Math.abs(wide.losses[0] - expected.losses[0]) / wide.losses[0]).toBeGreaterThan(1e-5);
    await startBackend('wasm', { threads: 2 });
    expectSameInEightBits(await train(eagerEngine(), architecture, name, options), expected);
  });
});
