import type { Arguments } from '../arguments.ts';
import type { Output } from '../output/output.ts';
import { compare } from './compare.ts';

const embedded = { backbone: 'pico-vit', data: 'mnist' };

/** The main job on what is embedded: pico-vit learns 1,000 handwritten digits, with a linear head only and with LoRA. */
export async function demo(args: Arguments, output: Output): Promise<void> {
  output.note(
    'peft demo: pico-vit (683,242 parameters, trained on small colour photographs) learns handwritten digits.\n',
  );
  const { epochs = 15, lr = 5e-3 } = args;
  const targets = ['attn.qkv', 'attn.proj', 'fc1', 'fc2'];
  await compare({ ...args, ...embedded, methods: ['linear', 'lora'], targets, set: { alpha: 32 }, epochs, lr }, output);
}
