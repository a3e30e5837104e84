import type { ConformanceCase } from '@peft/testing';
import type { NeatOptions } from '../src/index.ts';

export const whole = ['qkv', 'out'];
type Case = Pick<ConformanceCase<NeatOptions>, 'name' | 'options' | 'onBackbones'>;
export const peanut: Case[] = [
  { name: 'whole modules', options: { targets: whole, r: 2 }, onBackbones: { targets: ['attn.qkv', 'mlp.fc2'], r: 3 } },
  { name: 'one pair, scaled', options: { targets: whole, r: 3, pairs: 1, scale: 2.5 } },
  { name: 'gelu, with a head', options: { targets: whole, r: 2, act: 'gelu', modulesToSave: ['head'] } },
  { name: 'gelu of a pair', options: { targets: whole, r: 2, pairs: 1, act: 'gelu' } },
  { name: 'silu', options: { targets: whole, r: 2, act: 'silu', pairs: 1 } },
  { name: 'identity', options: { targets: whole, r: 2, act: 'identity' } },
];
/** Those that Hugging Face peft has no form for. */
export const own: Case[] = [
  {
    name: 'slices',
    options: { targets: ['qkv[q,v]'], r: 2 },
    onBackbones: { r: 3, pairs: 1, act: 'gelu', modulesToSave: ['head'] },
  },
  { name: 'a slice and a whole other', options: { targets: ['qkv[v]', 'out'], r: 3, pairs: 1 } },
  { name: 'two pairs of a sine', options: { targets: whole, r: 3, pairs: 2, act: 'sin' } },
  {
    name: 'the inputs',
    options: { targets: whole, r: 3, side: 'in', pairs: 1 },
    onBackbones: { r: 3, side: 'in', pairs: 1, act: 'sin' },
  },
  { name: 'a sine of the inputs', options: { targets: whole, r: 2, side: 'in', pairs: 1, act: 'sin' } },
  { name: 'the inputs of slices', options: { targets: ['qkv[q,v]'], r: 2, side: 'in' } },
];

const expected = { mergeable: true, exact: true, first: ['B'] };
export const cases: ConformanceCase<NeatOptions>[] = [
  ...peanut.map(one => ({ ...one, ...expected, portable: true })),
  ...own.map(one => ({ ...one, ...expected, portable: false })),
];
