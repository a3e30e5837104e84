import { type Module, patch } from '@peft/core';
import * as tf from '@tensorflow/tfjs-core';
import { expect, test } from 'vitest';
import { deviation } from '../net.ts';
import { moved, type Subject } from '../subject.ts';

const firstRow = (x: tf.Tensor): tf.Tensor => tf.split(x, [1, x.shape[1]! - 1], 1)[0];

/** The same first row of axis 1, with others after it. */
const withOthers = (x: tf.Tensor): tf.Tensor => {
  const [first, rest] = tf.split(x, [1, x.shape[1]! - 1], 1);
  return tf.concat([first, tf.mul(rest, -0.5)], 1);
};

/** Checks `rowwise`: what an adapter adds to the first row does not depend on the other rows. */
export function checkRows(subject: Subject): void {
  test('it maps each row independently, if it is rowwise', async () => {
    const model = await moved(subject);
    const { method, plan } = model.get('default');
    if (!method.rowwise) return;
    const inputs = new Map<Module, tf.Tensor>();
    for (const { module } of plan.targets) {
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
    // A block, such as an attention, mixes rows itself: the adapter adds the difference to the disabled model.
    const added = (module: Module, x: tf.Tensor): tf.Tensor => {
      const adapted = module.call(x);
      model.enabled = false;
      const base = module.call(x);
      model.enabled = true;
      return tf.reshape(firstRow(tf.sub(adapted, base)), [-1]);
    };
    const flat = (change: (x: tf.Tensor) => tf.Tensor): tf.Tensor =>
      tf.tidy(() => tf.concat([...inputs].map(([module, x]) => added(module, change(x)))));
    const first = flat(x => x);
    const again = flat(withOthers);
    expect(deviation(await again.data(), await first.data())).toBeLessThan(1e-5);
    tf.dispose([again, first, ...inputs.values()]);
  });
}
