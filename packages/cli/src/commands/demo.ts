import type { Arguments } from '../arguments.ts';
import type { Output } from '../output/output.ts';
import { compare } from './compare.ts';

const embedded = { backbone: 'pico-vit', data: 'mnist' };
const linears = ['attn.qkv', 'attn.proj', 'fc1', 'fc2'];

/** Settings of each method for this small model. The head alone trains on cached features. */
const each: NonNullable<Arguments['each']> = {
  linear: { lr: 2e-2, cacheFeatures: 1 },
  lora: { targets: linears, set: { alpha: 32 } },
  neat: { targets: linears },
  lily: { targets: linears },
  heat: { set: { r: 16, scale: 4 } },
  pear: { targets: linears, set: { act: 'identity', scale: 4 } },
};

/** Compares every method, and a head alone, on embedded data: pico-vit learns 1,000 handwritten digits. */
export async function demo(args: Arguments, output: Output): Promise<void> {
  output.note(
    'peft demo: pico-vit (683,242 parameters, trained on small color photographs) learns handwritten digits.\n',
  );
  const { epochs = 7, lr = 5e-3 } = args;
  await compare({ ...args, ...embedded, methods: Object.keys(each), each, epochs, lr }, output);
}
