import type { Arguments } from '../arguments.ts';
import type { Output } from '../output/output.ts';
import { compare } from './compare.ts';

const embedded = { backbone: 'pico-vit', data: 'mnist' };
const linears = ['attn.qkv', 'attn.proj', 'fc1', 'fc2'];

/**
 * Settings of each method for this small model, at as many trained parameters: 71,000 to 75,000 without the head. They were chosen on
 * digits held out of the training split: docs/results.md says how. The head alone trains on cached features.
 */
const each: NonNullable<Arguments['each']> = {
  linear: { lr: 2e-2, cacheFeatures: 1 },
  lora: { lr: 3.6e-3, targets: linears, set: { r: 8, alpha: 64 } },
  neat: { lr: 1.3e-2, targets: linears, set: { r: 7, act: 'sin', scale: 0.54 } },
  lily: { lr: 6.8e-3, targets: linears, set: { r: 24, scale: 1.3 } },
  heat: { lr: 6.1e-3, targets: ['attn.qkv[q,v]', ...linears.slice(1)], set: { r: 8, scale: 2.3 } },
  pear: { lr: 5.7e-3, targets: linears, set: { r: 16, act: 'identity', scale: 1.15 } },
};

/** The settings without their learning rates, where one is given for all. */
const withoutRates = Object.fromEntries(Object.entries(each).map(([method, { lr: _, ...own }]) => [method, own]));

/** Compares every method, and a head alone, on embedded data: pico-vit learns 1,000 handwritten digits. */
export async function demo(args: Arguments, output: Output): Promise<void> {
  output.note(
    'peft demo: pico-vit (683,242 parameters, trained on small color photographs) learns handwritten digits.\n' +
      `${(args.seeds ?? 1) > 1 ? '' : 'One seed: two points are chance. --seeds 3 shows the spread.\n'}`,
  );
  const { epochs = 7, lr } = args;
  const settings = lr === undefined ? each : withoutRates;
  await compare({ ...args, ...embedded, methods: Object.keys(each), each: settings, epochs }, output);
}
