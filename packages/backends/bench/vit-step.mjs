/**
 * One training step of a ViT-Tiny with LoRA, eagerly on wasm, with the kernels of TensorFlow.js and with ours:
 *
 *   node bench/vit-step.mjs [stock|fast|profile]
 */
import '@tensorflow/tfjs-backend-wasm';
import { startBackend } from '@peft/backends';
import { attention, gelu, layerNorm, linear, softmaxCrossEntropy, valueAndGrads } from '@peft/core';
import * as tf from '@tensorflow/tfjs-core';

const size = { batch: 8, tokens: 197, width: 192, depth: 12, heads: 3, classes: 10, rank: 8 };

const normal = (...shape) => tf.randomNormal(shape, 0, 0.02, 'float32', shape.length * 31 + shape[0]);

function makeBlock({ width, rank }) {
  const ones = () => [tf.ones([width]), tf.zeros([width])];
  return {
    norm1: ones(),
    norm2: ones(),
    qkv: [normal(width, 3 * width), tf.zeros([3 * width])],
    project: [normal(width, width), tf.zeros([width])],
    mlp1: [normal(width, 4 * width), tf.zeros([4 * width])],
    mlp2: [normal(4 * width, width), tf.zeros([width])],
    lora: ['q', 'v'].map(() => [tf.variable(normal(width, rank)), tf.variable(tf.zeros([rank, width]))]),
  };
}

/** `[B, N, width]` to `[B, heads, N, width / heads]`. */
const split = (x, { batch, tokens, width, heads }) =>
  tf.transpose(tf.reshape(x, [batch, tokens, heads, width / heads]), [0, 2, 1, 3]);

function runBlock(x, block, size) {
  const { batch, tokens, width, heads } = size;
  const input = layerNorm(x, ...block.norm1, 1e-6);
  const [q, k, v] = tf.split(linear(input, ...block.qkv), 3, 2);
  const [dq, dv] = block.lora.map(([a, b]) => tf.mul(linear(linear(input, a), b), 2));
  const parts = [tf.add(q, dq), k, tf.add(v, dv)].map(part => split(part, size));
  const attended = tf.transpose(attention(...parts, (width / heads) ** -0.5), [0, 2, 1, 3]);
  const y = tf.add(x, linear(tf.reshape(attended, [batch, tokens, width]), ...block.project));
  return tf.add(y, linear(gelu(linear(layerNorm(y, ...block.norm2, 1e-6), ...block.mlp1)), ...block.mlp2));
}

function makeStep(size) {
  const blocks = Array.from({ length: size.depth }, () => makeBlock(size));
  const norm = [tf.ones([size.width]), tf.zeros([size.width])];
  const head = [tf.variable(normal(size.width, size.classes)), tf.variable(tf.zeros([size.classes]))];
  const x = tf.randomNormal([size.batch, size.tokens, size.width], 0, 1, 'float32', 5);
  const labels = tf.tensor1d(
    Array.from({ length: size.batch }, (_, i) => i % size.classes),
    'int32',
  );
  const variables = [...blocks.flatMap(block => block.lora.flat()), ...head];
  const moments = variables.map(({ shape }) => [tf.variable(tf.zeros(shape)), tf.variable(tf.zeros(shape))]);
  const [rate, decay, beta1, beta2, epsilon] = [1e-3, 0.01, 0.9, 0.999, 1e-8];
  let steps = 0;

  const loss = () => {
    let hidden = x;
    for (const block of blocks) hidden = runBlock(hidden, block, size);
    const pooled = tf.squeeze(tf.slice(layerNorm(hidden, ...norm, 1e-6), [0, 0, 0], [-1, 1, -1]), [1]);
    return tf.mean(softmaxCrossEntropy(linear(pooled, ...head), labels));
  };

  return () =>
    tf.tidy(() => {
      steps++;
      const { value, grads } = valueAndGrads(loss, variables);
      variables.forEach((variable, i) => {
        const [m, v] = moments[i];
        m.assign(tf.add(tf.mul(m, beta1), tf.mul(grads[i], 1 - beta1)));
        v.assign(tf.add(tf.mul(v, beta2), tf.mul(tf.square(grads[i]), 1 - beta2)));
        const update = tf.div(tf.div(m, 1 - beta1 ** steps), tf.add(tf.sqrt(tf.div(v, 1 - beta2 ** steps)), epsilon));
        variable.assign(tf.sub(tf.mul(variable, 1 - rate * decay), tf.mul(update, rate)));
      });
      return value;
    });
}

/** Milliseconds of the fastest step: on the clock, and of processor time, which a busy machine changes less. */
async function time(kernels, count) {
  await startBackend('wasm', { kernels });
  const step = makeStep(size);
  const losses = [];
  const best = { wall: Number.POSITIVE_INFINITY, cpu: Number.POSITIVE_INFINITY };
  for (let i = 0; i < count; i++) {
    const start = performance.now();
    const cpu = process.cpuUsage();
    const loss = step();
    losses.push((await loss.data())[0]);
    best.wall = Math.min(best.wall, performance.now() - start);
    best.cpu = Math.min(best.cpu, process.cpuUsage(cpu).user / 1000);
    loss.dispose();
  }
  console.log(
    `${kernels}: ${best.wall.toFixed(0)} ms a step, ${best.cpu.toFixed(0)} ms of processor time (best of ${count})`,
  );
  console.log(`  losses ${losses.map(loss => loss.toFixed(5)).join(' ')}`);
  return best;
}

async function profile() {
  await startBackend('wasm');
  const step = makeStep(size);
  for (let i = 0; i < 3; i++) step().dispose();
  const { kernels } = await tf.profile(step);
  const total = {};
  for (const { name, kernelTimeMs } of kernels) {
    total[name] ??= { calls: 0, ms: 0 };
    total[name].calls++;
    total[name].ms += await kernelTimeMs;
  }
  const rows = Object.entries(total).sort(([, a], [, b]) => b.ms - a.ms);
  for (const [name, { calls, ms }] of rows)
    console.log(`${ms.toFixed(1).padStart(8)} ms ${String(calls).padStart(5)} ${name}`);
}

const mode = process.argv[2];
if (mode === 'profile') await profile();
else if (mode) await time(mode, mode === 'fast' ? 5 : 2);
else {
  const fast = await time('fast', 5);
  const stock = await time('stock', 2);
  console.log(`ratio ${(stock.wall / fast.wall).toFixed(1)}, by processor time ${(stock.cpu / fast.cpu).toFixed(1)}`);
}
