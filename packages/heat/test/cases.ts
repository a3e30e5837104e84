import { attention, initialize, key, Linear, Module } from '@peft/core';
import type { ConformanceCase } from '@peft/testing';
import * as tf from '@tensorflow/tfjs-core';
import type { HeatOptions } from '../src/index.ts';

export const mergeable = { mergeable: true, portable: false, exact: true };
const onBackbones: HeatOptions = { r: 2, ratio: 0.5 };
export const qv = { targets: ['qkv[q,v]'], r: 2 };
export const first = { findings: { off: { '': [0] } } };
export const last = { findings: { off: { '': [1] } } };

/** On the network of the conformance suite. */
export const cases: ConformanceCase<HeatOptions>[] = [
  { name: 'before its score pass', options: { ...qv, ne: 1 }, onBackbones, first: ['B'], ...mergeable },
  { name: 'before, warming up', options: { ...qv, ne: 1, warmEpochs: 1, modulesToSave: ['head'] }, ...mergeable },
  { name: 'one head off', options: { ...qv, ...last, scale: 2, modulesToSave: ['head'] }, ...mergeable },
  {
    name: 'other heads of queries and values',
    options: { ...qv, separateMasks: true, findings: { off: { '': { q: [0], v: [1] } } } },
    ...mergeable,
  },
  {
    name: 'queries alone',
    options: { ...qv, separateMasks: true, findings: { off: { '': { q: [0] } } } },
    ...mergeable,
  },
  { name: 'to be refreshed', options: { ...qv, ...first, refreshEvery: 2 }, ...mergeable },
];

/** Attention over tokens `[2, 3, 5]` with projections of their own, named as in other libraries. */
class Attention extends Module {
  readonly q_proj = new Linear(5, 8, { heads: 4 });
  readonly k_proj = new Linear(5, 8, { heads: 4 });
  readonly v_proj = new Linear(5, 8, { heads: 4 });
  readonly o_proj = new Linear(8, 3);

  forward(x: tf.Tensor): tf.Tensor {
    const split = (t: tf.Tensor): tf.Tensor => tf.transpose(tf.reshape(t, [2, 3, 4, 2]), [0, 2, 1, 3]);
    const [q, k, v] = [this.q_proj, this.k_proj, this.v_proj].map(linear => split(linear.call(x)));
    return this.o_proj.call(tf.reshape(tf.transpose(attention(q, k, v, 0.7), [0, 2, 1, 3]), [2, 3, 8]));
  }
}

class Block extends Module {
  readonly attn = new Attention();
  readonly mlp = new Linear(3, 5);
  forward(x: tf.Tensor): tf.Tensor {
    return tf.add(x, this.mlp.call(tf.tanh(this.attn.call(x))));
  }
}

export class Blocks extends Module {
  readonly blocks = [new Block(), new Block()];
  readonly head = new Linear(5, 2);
  forward(x: tf.Tensor): tf.Tensor {
    return this.head.call(this.blocks.reduce((h, block) => block.call(h), x));
  }
}

export const blocks = (): Blocks => initialize(new Blocks(), key(1));
export const projections = { targets: ['q_proj', 'v_proj'], r: 2 };
export const whole: HeatOptions = { maskTarget: 'output', outputTargets: ['o_proj'], ne: 2 };

/** On the blocks. */
export const casesOnBlocks: ConformanceCase<HeatOptions>[] = [
  {
    name: 'projections of their own',
    options: { ...projections, findings: { off: { 'blocks.1.attn': [1, 2] } } },
    ...mergeable,
  },
  { name: 'whole heads, before the score pass', options: { ...projections, ...whole }, ...mergeable },
];

/** The network with heads taken out by hand: zeros where they would be read. */
export function without(heads: Record<number, number[]>): Blocks {
  const root = blocks();
  for (const [block, off] of Object.entries(heads)) {
    const { o_proj } = root.blocks[Number(block)].attn;
    o_proj.weight.value.assign(
      tf.mul(
        o_proj.weight.value,
        tf.tensor2d(
          Array.from({ length: 24 }, (_, i) => (off.includes(Math.floor(i / 6)) ? 0 : 1)),
          [8, 3],
        ),
      ),
    );
  }
  return root;
}
