import { firstRows, type Module, patch } from '@peft/core';
import * as tf from '@tensorflow/tfjs-core';
import { expect, test } from 'vitest';
import { deviation } from '../net.ts';
import { moved, type Subject } from '../subject.ts';

/** What a method says of its rows holds: a module that is asked for few gives the first of all. */
export function checkRows(subject: Subject): void {
  test('asked for one row, an adapted module gives the first of all', async () => {
    const model = await moved(subject);
    const inputs = new Map<Module, tf.Tensor>();
    for (const { module } of model.get('default').plan.targets) {
      if (inputs.has(module)) continue;
      const stop = patch(module, {
        input(x) {
          inputs.set(module, tf.keep(tf.clone(x)));
          return x;
        },
      });
      model.call(subject.input()).dispose();
      stop();
    }
    const flat = (call: (module: Module, x: tf.Tensor) => tf.Tensor) =>
      tf.tidy(() => tf.concat([...inputs].map(([module, x]) => tf.reshape(call(module, x), [-1]))));
    const one = flat((module, x) => module.call(x, 1));
    const first = flat((module, x) => firstRows(module.call(x), 1));
    expect(deviation(await one.data(), await first.data())).toBeLessThan(1e-5);
    tf.dispose([one, first, ...inputs.values()]);
  });
}
