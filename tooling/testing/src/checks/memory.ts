import { parameters } from '@peft/core';
import * as tf from '@tensorflow/tfjs-core';
import { expect, test } from 'vitest';
import { gradients } from '../loss.ts';
import { output, type Subject } from '../subject.ts';

/** Ownership. */
export function checkMemory(subject: Subject): void {
  test('it leaks no tensor', async () => {
    const before = tf.memory().numTensors;
    const model = await subject.attach();
    await output(subject, model);
    await gradients(subject, model);
    if (subject.mergeable) {
      model.merge();
      model.unmerge();
    }
    model.dispose();
    expect(tf.memory().numTensors - before).toBe([...parameters(model.base)].length);
  });
}
