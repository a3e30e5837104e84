import { onnxEngine } from '@peft/compile';
import { eagerEngine } from '@peft/core';
import { architectures } from '@peft/testing';
import { describe, expect, test } from 'vitest';
import { methods } from './models.ts';
import { countRecordings, expectSame, train } from './runs.ts';

describe.each(architectures)('on %s', architecture => {
  test.each(Object.keys(methods))('%s has the same losses on every engine', async name => {
    const eager = await train(eagerEngine(), architecture, name, { steps: 50 });
    const onnx = await onnxEngine({ threads: 1 });
    const counted = countRecordings(onnx);
    const compiled = await train(onnx, architecture, name, { steps: 50 });
    expect(eager.losses.length).toBe(50);
    expect(eager.stages.length).toBe(name === 'heat' || name === 'pear' ? 1 : 0);
    expect(eager.losses.at(-1)).toBeLessThan(0.65 * eager.losses[0]);
    expectSame(compiled, eager);
    // A stage is scored by a step of its own, and the training step recorded anew after it, once. The end is looked at.
    expect(counted.recordings).toBe(eager.stages.length > 0 ? 4 : 2);
  });
});
