import type { ConformanceCase } from '@peft/testing';
import type { LoraOptions } from '../src/index.ts';

const whole = { targets: ['qkv', 'out'], r: 2 };
const slices = { targets: ['qkv[q,v]'], r: 2 };
const onBackbones = { targets: ['attn.qkv[q,v]', 'mlp.fc1'], r: 2 };
const plain: Omit<ConformanceCase<LoraOptions>, 'mergeable' | 'portable'>[] = [
  { name: 'plain', options: whole, onBackbones },
  { name: 'slices', options: { ...slices, alpha: 4, dropout: 0.2 } },
  { name: 'slices of one and a whole other', options: { targets: ['qkv[v]', 'out'], r: 3 } },
  {
    name: 'rslora with patterns',
    options: { targets: ['qkv', 'out'], rslora: true, rankPattern: { out: 1 }, alphaPattern: { qkv: 3 } },
  },
  {
    name: 'DoRA',
    options: { ...whole, dora: true },
    onBackbones: { ...onBackbones, dora: true, modulesToSave: ['head'] },
    first: ['B', 'm'],
    detaches: true,
  },
  { name: 'DoRA of slices', options: { ...slices, dora: true }, first: ['B', 'm'], detaches: true },
  {
    name: 'PiSSA',
    options: { ...whole, init: 'pissa' },
    onBackbones: { ...onBackbones, init: 'pissa' },
    first: ['A', 'B'],
  },
  { name: 'PiSSA of slices', options: { ...slices, init: 'pissa' }, first: ['A', 'B'] },
  { name: 'biases and a head', options: { ...whole, bias: 'all', modulesToSave: ['head'] } },
];

export const cases: ConformanceCase<LoraOptions>[] = plain.map(one => ({
  first: ['B'],
  ...one,
  mergeable: true,
  portable: true,
}));
