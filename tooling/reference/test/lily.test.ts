import { lily } from '@peft/lily';
import { testAgainstPeft } from '../src/against-peft.ts';

const whole = ['qkv', 'attn.proj', 'fc1', 'fc2'];

testAgainstPeft('Lily', {
  factory: lily,
  script: 'lily_interop.py',
  cases: [
    'vit/plain',
    'vit/shared',
    'vit/expression',
    'vit/all',
    'swin/plain',
    'swin/shared',
    'swin/expression',
    'hf-vit/plain',
    'hf-swin/plain',
  ],
  begun: {
    'vit/new': lily({ targets: whole, r: 3, nA: 1, nB: 3, mixing: 'batch', modulesToSave: ['head'] }),
    'vit/uniform': lily({ targets: ['fc1', 'qkv'], r: 4, stride: 2, mixing: 'uniform' }),
    'vit/all-linear': lily({ targets: 'all-linear', exclude: ['patch_embed.proj'], r: 2, mixing: 'batch' }),
    'hf-vit/slices': lily({ targets: ['attn.qkv[k,v]', 'fc1'], r: 3, nB: 3, mixing: 'batch', modulesToSave: ['head'] }),
    'swin/new': lily({ targets: whole, r: 3, stride: 2, nB: 3, mixing: 'batch', modulesToSave: ['head'] }),
    'swin/uniform': lily({ targets: ['fc1', 'qkv'], r: 4, stride: 2, mixing: 'uniform' }),
    'swin/all-linear': lily({ targets: 'all-linear', exclude: ['patch_embed.proj'], r: 2, mixing: 'batch', stride: 1 }),
  },
  merges: false,
  refused: { method: lily({ targets: ['attn.qkv[k,v]'], r: 3 }), message: /LILY_EXTENDED/ },
});
