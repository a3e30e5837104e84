import type { Arguments } from '../arguments.ts';
import type { Output } from '../output/output.ts';
import { compare } from './compare.ts';

/** The main job on what is embedded: pico-vit learns 1,000 handwritten digits, with a linear head only and with LoRA. */
export async function demo(args: Arguments, output: Output): Promise<void> {
  output.note('peft demo: pico-vit (683,242 parameters, trained on small colour photographs) learns handwritten digits.\n');
  await compare(
    { ...args, backbone: 'pico-vit', data: 'mnist', methods: ['linear', 'lora'], epochs: args.epochs ?? 10, lr: args.lr ?? 3e-3 },
    output,
  );
}
