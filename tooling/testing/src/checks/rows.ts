import { type Module, patch } from '@peft/core';
import * as tf from '@tensorflow/tfjs-core';
import { expect, test } from 'vitest';
import { deviation } from '../net.ts';
import { moved, type Subject } from '../subject.ts';

const firstRow = (x: tf.Tensor): tf.Tensor => tf.split(x, [1, x.shape[1]! - 1], 1)[0];

/** Checks `rowwise`: an adapted module maps the first row alone to the first row of its full output. */
export function checkRows(subject: Subject): void {
  test('it maps each row independently, if it is rowwise', async () => {
    const model = await moved(subject);
    const { method, plan } = model.get('default');
    if (!method.rowwise) return;
    const inputs = new Map<Module, tf.Tensor>();
    for (const { module } of plan.targets) {
      if (inputs.has(module) || !module.weight) continue; // a block, such as an attention, may mix rows itself
      const stop = patch(module, {
        input(x) {
          inputs.set(module, tf.keep(tf.clone(x)));
          return x;
        },
      });
      model.call(subject.input()).dispose();
      stop();
    }
    if (inputs.size === 0) return;
    const flat = (call: (module: Module, x: tf.Tensor) => tf.Tensor) =>
      tf.tidy(() => tf.concat([...inputs].map(([module, x]) => tf.reshape(call(module, x), [-1]))));
    const alone = flat((module, x) => module.call(firstRow(x)));
    const first = flat((module, x) => firstRow(module.call(x)));
    expect(deviation(await alone.data(), await first.data())).toBeLessThan(1e-5);
    tf.dispose([alone, first, ...inputs.values()]);
  });
}
