import type { AdaptedModel, Method } from '@peft/core';
import { isMadeBy } from '@peft/core/method';
import { type ConformanceCase, layeredNet } from '@peft/testing';
import { type PearFindings, type PearOptions, pear } from '../src/index.ts';

/** With this seed, no kink of a ReLU lies within the finite differences. */
export const net = () => layeredNet(2);
export const up = { targets: ['mlp.up[k,v]'], r: 2 };
export const down = { targets: ['mlp.down'], r: 2 };
/** Of four layers, the second shares what the first has, and the third what the fourth has. */
const blocks = { 'blocks.1.mlp': 'blocks.0.mlp', 'blocks.2.mlp': 'blocks.3.mlp' };
export const downs = { 'blocks.1.mlp.down': 'blocks.0.mlp.down', 'blocks.2.mlp.down': 'blocks.3.mlp.down' };
export const ups = { 'blocks.1.mlp.up[k]': 'blocks.0.mlp.up[k]', 'blocks.0.mlp.up[v]': 'blocks.2.mlp.up[v]' };
export const merge = { knowledgeCheckpoint: 'merge' } as const;

export type Case = Omit<ConformanceCase<PearOptions>, 'portable'>;

/** Of bottlenecks and low-rank pairs, before the prune and after it. */
export const cases: Case[] = [
  {
    name: 'bottlenecks beside blocks',
    options: { r: 3, modulesToSave: ['head'] },
    onBackbones: { r: 8, targets: ['attn', 'mlp'], modulesToSave: ['head'] },
    mergeable: false,
    exact: true,
  },
  { name: 'low-rank pairs', options: { ...up, act: 'identity', scale: 2 }, mergeable: true, exact: true },
  { name: 'pruned bottlenecks', options: { r: 3, findings: { shared: blocks } }, mergeable: false, exact: true },
  {
    name: 'pruned, gated',
    options: { r: 3, findings: { shared: blocks }, shareInit: 'gate0' },
    mergeable: false,
    exact: true,
  },
];

export function findingsOf(method: Method): PearFindings {
  if (!isMadeBy(method, pear) || !method.findings) throw new Error(`${method.type} has found nothing.`);
  return method.findings;
}

/** What it finds at its stage, given the scores of targets in order; it goes on from there. */
export async function passed(
  model: AdaptedModel,
  importance: (i: number) => number = i => i + 1,
): Promise<PearFindings> {
  const adapter = model.get('default');
  const { targets } = adapter.plan;
  const scores = new Map(targets.map(({ id }, i) => [id, Float64Array.of(importance(i))]));
  const { stage } = adapter.method;
  if (!stage) throw new Error('There is no stage.');
  const { method } = await model.replace('default', stage.next(scores, await adapter.targetValues()));
  return findingsOf(method);
}
