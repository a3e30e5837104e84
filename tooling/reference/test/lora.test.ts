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
    'hf-vit/plain',
    'hf-vit/head',
    'hf-vit/patterns',
    'hf-vit/layers',
    'hf-vit/regex',
    'hf-vit/dora',
    'hf-vit/bias-all-head',
    'hf-vit/bias-adapted',
    'hf-vit/pissa',
    'hf-swin/plain',
    'hf-dinov2/plain',
  ],
  begun: {
    'vit/slices': slices,
    'swin/slices': slices,
    'hf-vit/slices': slices,
    'hf-vit/whole': lora({
      targets: ['attn.qkv', 'proj'],
      r: 3,
      alpha: 5,
      bias: 'all',
      rankPattern: { 'blocks.1.attn.qkv': 4 },
    }),
    'hf-vit/new-dora': lora({ targets: ['attn.qkv'], r: 3, dora: true, modulesToSave: ['head'] }),
    'hf-swin/slices': lora({ targets: ['attn.qkv[q,v]', 'fc1'], r: 3, modulesToSave: ['head.fc'], bias: 'lora_only' }),
    'hf-dinov2/slices': lora({ targets: ['attn.qkv[k]', 'fc2'], r: 3 }),
  },
  merges: true,
});
