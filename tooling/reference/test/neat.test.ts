import { neat } from '@peft/neat';
import { testAgainstPeft } from '../src/against-peft.ts';

const whole = ['qkv', 'attn.proj', 'fc1', 'fc2'];

testAgainstPeft('NEAT', {
  factory: neat,
  script: 'neat_interop.py',
  cases: [
    'vit/plain',
    'vit/all',
    'vit/deeper',
    'vit/deepest',
    'vit/linear',
    'swin/plain',
    'swin/deeper-all',
    'swin/deeper-some',
    'hf-vit/plain',
    'hf-swin/plain',
  ],
  begun: {
    'vit/new': neat({ targets: whole, r: 3, pairs: 2, act: 'gelu', scale: 2, modulesToSave: ['head'] }),
    'hf-vit/slices': neat({ targets: ['attn.qkv[q,v]', 'attn.proj'], r: 3, pairs: 1, modulesToSave: ['head'] }),
    'swin/new': neat({ targets: whole, r: 3, pairs: 1, scale: 0.5, modulesToSave: ['head.fc'] }),
  },
  merges: true,
  refused: { method: neat({ targets: ['attn.qkv[q,v]'], r: 3 }), message: /NEAT/ },
});
