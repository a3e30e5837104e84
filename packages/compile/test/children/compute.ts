import '@peft/vitest/cpu';
import * as tf from '@tensorflow/tfjs-core';
import { onnxEngine } from '../../src/index.ts';

/** Computes in the engine's thread without end, and lets go of it in the midst of that, in one of several ways. */
const [way, delay] = process.argv.slice(2);

async function main(): Promise<void> {
  const engine = await onnxEngine({ threads: 1 });
  const weight = tf.variable(tf.fill([700, 700], 1e-3), false);
  const step = engine.compile(({ x }) => {
    let y = x;
    for (let i = 0; i < 12; i++) y = tf.matMul(y, weight);
    return { y };
  });
  const x = { data: new Float32Array(700 * 700).fill(1), shape: [700, 700] };
  await step.run({ x });
  const run = (): void => void step.run({ x }).then(run, () => {});
  run();
  console.log('computing');
  setTimeout(() => {
    if (way === 'exit') process.exit(3);
    if (way === 'throw') throw new Error('thrown in the midst of it');
    if (way === 'dispose') void engine.dispose().then(() => console.log('disposed'));
  }, Number(delay));
}

void main();
