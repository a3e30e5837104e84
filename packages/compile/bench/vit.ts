/**
 * Times a training step of a vision transformer with LoRA. Run from source, on Node 22.18 or newer:
 * `node --conditions=@peft/source bench/vit.ts`, with `--dim --depth --heads --batch --threads --steps --engine` to change it.
 */

import { parseArgs } from 'node:util';
import {
  attention,
  type Engine,
  eagerEngine,
  gelu,
  type HostTensors,
  layerNorm,
  linear,
  registerGradients,
  type Step,
  softmaxCrossEntropy,
  valueAndGrads,
} from '@peft/core';
import * as tf from '@tensorflow/tfjs-core';
import { onnxEngine, onnxWebEngine } from '../src/index.ts';
import { writeModel } from '../src/onnx/model.ts';
import { type InputSpec, record } from '../src/record/record.ts';

const { values } = parseArgs({
  options: {
    dim: { type: 'string', default: '192' },
    depth: { type: 'string', default: '12' },
    heads: { type: 'string', default: '3' },
    batch: { type: 'string', default: '8' },
    threads: { type: 'string', default: '2' },
    steps: { type: 'string', default: '12' },
    engine: { type: 'string', default: 'node' },
    /** Also times this many eager steps on the backend named by `--backend`. */
    eager: { type: 'string', default: '0' },
    backend: { type: 'string', default: 'cpu' },
  },
});
const [dim, depth, heads, batch] = [values.dim, values.depth, values.heads, values.batch].map(Number);
const [tokens, patch, rank, classes] = [197, 768, 8, 100];

let seed = 0;
const normal = (shape: number[], deviation: number): tf.Variable =>
  tf.variable(tf.truncatedNormal(shape, 0, deviation, 'float32', ++seed), false);
const filled = (shape: number[], value: number): tf.Variable => tf.variable(tf.fill(shape, value), false);

/** x W + b, and s x A B added to the queries, keys and values. */
const block = () => ({
  norm1: [filled([dim], 1), filled([dim], 0)],
  qkv: [normal([dim, 3 * dim], 0.05), filled([3 * dim], 0)],
  lora: [0, 1, 2].map(() => [normal([dim, rank], 0.05), filled([rank, dim], 0)]),
  project: [normal([dim, dim], 0.05), filled([dim], 0)],
  norm2: [filled([dim], 1), filled([dim], 0)],
  up: [normal([dim, 4 * dim], 0.05), filled([4 * dim], 0)],
  down: [normal([4 * dim, dim], 0.05), filled([dim], 0)],
});

function model(): { step: Step } {
  const [embed, cls, position] = [
    normal([patch, dim], 0.05),
    normal([1, 1, dim], 0.02),
    normal([1, tokens, dim], 0.02),
  ];
  const blocks = Array.from({ length: depth }, block);
  const norm = [filled([dim], 1), filled([dim], 0)];
  const head = [normal([dim, classes], 0.02), filled([classes], 0)];
  const trained = [...blocks.flatMap(({ lora }) => lora.flat()), ...head];
  const moments = trained.map(p => [tf.variable(tf.zerosLike(p), false), tf.variable(tf.zerosLike(p), false)]);

  const split = (x: tf.Tensor) => tf.transpose(tf.reshape(x, [-1, tokens, heads, dim / heads]), [0, 2, 1, 3]);
  const runBlock = (x: tf.Tensor, layer: ReturnType<typeof block>): tf.Tensor => {
    const h = layerNorm(x, layer.norm1[0], layer.norm1[1], 1e-6);
    const parts = tf.split(linear(h, layer.qkv[0], layer.qkv[1]), 3, -1);
    const [q, k, v] = parts.map((part, i) => {
      const [a, b] = layer.lora[i];
      return split(tf.add(part, tf.mul(linear(linear(h, a), b), 2)));
    });
    const mixed = tf.reshape(tf.transpose(attention(q, k, v, (dim / heads) ** -0.5), [0, 2, 1, 3]), [-1, tokens, dim]);
    const y = tf.add(x, linear(mixed, layer.project[0], layer.project[1]));
    const inner = gelu(linear(layerNorm(y, layer.norm2[0], layer.norm2[1], 1e-6), layer.up[0], layer.up[1]));
    return tf.add(y, linear(inner, layer.down[0], layer.down[1]));
  };

  const forward = (images: tf.Tensor): tf.Tensor => {
    const grid = tf.transpose(tf.reshape(images, [-1, 14, 16, 14, 16, 3]), [0, 1, 3, 2, 4, 5]);
    const embedded = linear(tf.reshape(grid, [-1, tokens - 1, patch]), embed);
    let x = tf.add(tf.concat([tf.broadcastTo(cls, [images.shape[0], 1, dim]), embedded], 1), position);
    for (const layer of blocks) x = runBlock(x, layer);
    const pooled = tf.squeeze(tf.slice(layerNorm(x, norm[0], norm[1], 1e-6), [0, 0, 0], [-1, 1, -1]), [1]);
    return linear(pooled, head[0], head[1]);
  };

  const step: Step = ({ x, y, rate, count }) => {
    const { value, grads } = valueAndGrads(() => tf.mean(softmaxCrossEntropy(forward(x), y)) as tf.Scalar, trained);
    const squares = grads.map(g => tf.sum(tf.square(g!)));
    const clip = tf.minimum(1, tf.div(1, tf.add(tf.sqrt(tf.addN(squares)), 1e-6)));
    for (const [i, p] of trained.entries()) {
      const g = tf.mul(grads[i]!, clip);
      const [m, v] = moments[i];
      m.assign(tf.add(tf.mul(m, 0.9), tf.mul(g, 0.1)));
      v.assign(tf.add(tf.mul(v, 0.999), tf.mul(tf.square(g), 0.001)));
      const mHat = tf.div(m, tf.sub(1, tf.pow(0.9, count)));
      const vHat = tf.div(v, tf.sub(1, tf.pow(0.999, count)));
      const update = tf.add(tf.div(mHat, tf.add(tf.sqrt(vHat), 1e-8)), tf.mul(p, 0.01));
      p.assign(tf.sub(p, tf.mul(update, rate)));
    }
    return { loss: value };
  };
  return { step };
}

const inputs = (i: number): HostTensors => ({
  x: {
    data: Float32Array.from({ length: batch * 224 * 224 * 3 }, (_, j) => Math.sin(j * 12.9898)),
    shape: [batch, 224, 224, 3],
  },
  y: { data: Int32Array.from({ length: batch }, (_, j) => (j * 7) % classes), shape: [batch] },
  rate: { data: Float32Array.of(1e-3), shape: [] },
  count: { data: Float32Array.of(i + 1), shape: [] },
});

const median = (times: number[]): number => times.toSorted((a, b) => a - b)[times.length >> 1];

async function time(engine: Engine, step: Step, steps: number): Promise<void> {
  const compiled = engine.compile(step);
  const [times, losses]: [number[], string[]] = [[], []];
  for (let i = 0; i < steps; i++) {
    const given = inputs(i);
    const start = performance.now();
    const { loss } = await compiled.run(given);
    times.push(performance.now() - start);
    losses.push(loss.data[0].toFixed(5));
  }
  const [first, ...rest] = times;
  const best = Math.min(...rest).toFixed(0);
  console.log(
    `${engine.name}: first ${first.toFixed(0)} ms, then median ${median(rest).toFixed(0)} ms, best ${best} ms`,
  );
  console.log(`  losses ${losses.slice(0, 5).join(' ')}, last ${losses.at(-1)}`);
}

if (values.backend === 'wasm') await import('@tensorflow/tfjs-backend-wasm');
else await import('@tensorflow/tfjs-backend-cpu');
await tf.setBackend(values.backend);
await tf.ready();
registerGradients();
const { step } = model();
const specs = Object.fromEntries(
  Object.entries(inputs(0)).map(([name, { shape }]): [string, InputSpec] => [
    name,
    { shape, dtype: name === 'y' ? 'int32' : 'float32' },
  ]),
);
for (const run of ['cold', 'warm']) {
  const start = performance.now();
  const { graph, bindings } = record(step, specs);
  const recorded = performance.now();
  const bytes = writeModel(graph).byteLength;
  const written = performance.now();
  console.log(
    `${run}: recorded in ${(recorded - start).toFixed(0)} ms, ${graph.nodes.length} nodes, ${bindings.length} bindings; ` +
      `${(bytes / 1024).toFixed(0)} KiB written in ${(written - recorded).toFixed(0)} ms`,
  );
}
const threads = Number(values.threads);
const engine = values.engine === 'web' ? await onnxWebEngine({ threads }) : await onnxEngine({ threads });
await time(engine, step, Number(values.steps) + 1);
console.log(`  peak memory ${(process.resourceUsage().maxRSS / 1024).toFixed(0)} MiB`);
const start = performance.now();
await engine.sync();
console.log(`  sync ${(performance.now() - start).toFixed(0)} ms`);
await engine.dispose();
if (Number(values.eager) > 0) await time(eagerEngine(), step, Number(values.eager) + 1);
