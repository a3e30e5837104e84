import type { ConformanceCase } from '@peft/testing';
import type { LilyOptions } from '../src/index.ts';

export const whole = ['up', 'down'];
type Case = Pick<ConformanceCase<LilyOptions>, 'name' | 'options' | 'onBackbones'>;
export const lilyOfPeft: Case[] = [
  { name: 'by sample', options: { targets: whole, r: 3 } },
  {
    name: 'by batch',
    options: { targets: whole, r: 3, nB: 3, mixing: 'batch', stride: 1, scale: 2 },
    onBackbones: { targets: ['attn.proj', 'mlp.fc1'], r: 2, mixing: 'batch' },
  },
  { name: 'uniform', options: { targets: whole, r: 3, stride: 4, mixing: 'uniform' } },
  { name: 'lily-v3', options: { targets: whole, r: 3, compat: 'lily-v3', nA: 4 } },
  { name: 'one expression', options: { targets: '.*\\.(up|down)', r: 2, stride: 3 } },
  { name: 'all linear', options: { targets: 'all-linear', r: 2, exclude: ['head'] } },
];
/** Those that Hugging Face peft has no form for. */
export const own: Case[] = [
  { name: 'by sample, softmax of sum', options: { targets: whole, r: 3, pool: 'softmax-of-sum' } },
  { name: 'by token', options: { targets: whole, r: 2, nB: 3, mixing: 'token' } },
  { name: 'slices', options: { targets: ['up[k,v]'], r: 2, modulesToSave: ['head'] } },
  {
    name: 'uniform slices',
    options: { targets: ['up[k,v]'], r: 2, mixing: 'uniform', nB: 3 },
    onBackbones: { targets: ['attn.qkv[k,v]'], r: 2, mixing: 'uniform' },
  },
  { name: 'one router', options: { targets: ['down'], r: 2, router: 'target', nA: 3 } },
  { name: 'lily-v1', options: { targets: whole, r: 3, compat: 'lily-v1' } },
  { name: 'blocks', options: { targets: ['mlp'], r: 2, nB: 3 }, onBackbones: { r: 4, modulesToSave: ['head'] } },
  {
    name: 'blocks without a ReLU, and slices',
    options: { targets: ['up[k]', 'mlp'], r: 3, mlpRankFactor: 1, mlpAct: 'identity' },
  },
];
export const all = [...lilyOfPeft, ...own];
export const isRouted = ({ mixing }: LilyOptions): boolean => mixing !== 'uniform';
/** peft chooses by batch: what chooses by sample is the same there for one sample only. */
const isAlikeForBatches = ({ mixing }: LilyOptions): boolean => mixing === 'batch' || mixing === 'uniform';

/** On the layered network. */
export const cases: ConformanceCase<LilyOptions>[] = all.map(({ name, options, onBackbones }) => ({
  name,
  options,
  onBackbones,
  mergeable: !isRouted(options),
  portable: lilyOfPeft.some(one => one.name === name) && isAlikeForBatches(options),
  exact: true,
  first: ['P'],
}));
