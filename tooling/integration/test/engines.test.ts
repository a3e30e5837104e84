import { onnxEngine } from '@peft/compile';
import { eagerEngine } from '@peft/core';
import { architectures } from '@peft/testing';
import { describe, expect, test } from 'vitest';
import { expectSameLosses, train } from './losses.ts';
import { methods } from './models.ts';

describe.each(architectures)('on %s', architecture => {
  test.each(Object.keys(methods))('%s has the same losses on every engine', async name => {
    const eager = await train(eagerEngine(), architecture, name, { steps: 50 });
    const compiled = await train(await onnxEngine({ threads: 1 }), architecture, name, { steps: 50 });
    expect(eager.losses.length).toBe(50);
    expect(eager.stages.length).toBe(name === 'heat' || name === 'pear' ? 1 : 0);
    expect(eager.losses.at(-1)).toBeLessThan(0.65 * eager.losses[0]);
    expectSameLosses(compiled, eager);
  });
});
