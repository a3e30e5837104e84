import { lora } from '@peft/lora';
import { testAgainstPeft } from '../src/against-peft.ts';

const slices = lora({ targets: ['attn.qkv[q,v]', 'fc1'], r: 3, alpha: 5, modulesToSave: ['head'] });

testAgainstPeft('LoRA', {
  factory: lora,
  script: 'lora_interop.py',
  cases: [
    'vit/plain',
    'vit/head',
    'vit/rslora-patterns',
    'vit/regex',
    'vit/dora',
    'vit/bias-all',
    'vit/bias-adapted',
    'vit/bias-all-head',
    'vit/save-unknown',
    'vit/convolution',
    'vit/pissa',
    'swin/plain',
    'swin/all-head',
    'swin/dora-convolution',
    'swin/dora-merging',
  ],
  begun: { 'vit/slices': slices, 'swin/slices': slices },
  merges: true,
});
