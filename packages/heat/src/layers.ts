import { check, type Target } from '@peft/core';
import type { HeatConfig } from './config.ts';
import type { Component } from './importance.ts';

/*
 * Where a model's attention heads are: the queries, keys and values of a layer are slices of one projection, or projections
 * of their own side by side. The path of what they lie in is the layer's.
 */

export type Role = 'q' | 'k' | 'v';

/** A layer of attention as far as an adapter has targets in it. */
export interface HeadLayer {
  readonly path: string;
  readonly heads: number;
  /** Features of all heads together. */
  readonly width: number;
  readonly targets: Readonly<Partial<Record<Role, Target>>>;
}

const roles: Readonly<Record<string, Role>> = {
  q: 'q',
  query: 'q',
  q_proj: 'q',
  k: 'k',
  key: 'k',
  k_proj: 'k',
  v: 'v',
  value: 'v',
  v_proj: 'v',
};

const lastPart = (path: string): string => path.slice(path.lastIndexOf('.') + 1);

/** The path of what a module lies in; empty for the root. */
export const parentOf = (path: string): string => path.slice(0, Math.max(0, path.lastIndexOf('.')));

/** Whether a target is a layer's queries, keys or values. */
export const roleOf = ({ path, slice }: Target): Role | undefined => roles[slice?.name ?? lastPart(path)];

/** The side that a role is on. */
export const sideOf = (role: Role): Component => (role === 'v' ? 'v' : 'q');

function headsOf({ id, module, outFeatures }: Target, { heads = module.heads }: Pick<HeatConfig, 'heads'>): number {
  check(
    heads !== undefined,
    'not-supported',
    () =>
      `heat: ${id} does not tell its number of attention heads; give the option heads, or make the module with ` +
      'new Linear(..., { heads }).',
  );
  check(
    outFeatures % heads === 0,
    'not-supported',
    () => `heat: the ${outFeatures} outputs of ${id} cannot be shared equally by ${heads} attention heads.`,
  );
  return heads;
}

/** The layers of attention in which there are targets, in the order of the model. */
export function layersOf(targets: readonly Target[], config: Pick<HeatConfig, 'heads'>): HeadLayer[] {
  const layers = new Map<string, HeadLayer>();
  for (const target of targets) {
    const role = roleOf(target);
    if (!role) continue;
    const path = parentOf(target.path);
    const heads = headsOf(target, config);
    const known = layers.get(path);
    check(
      !known || known.heads === heads,
      'not-supported',
      () => `heat: ${target.id} has ${heads} heads, but what is beside it has ${known?.heads}; a mask is for both.`,
    );
    layers.set(path, { path, heads, width: target.outFeatures, targets: { ...known?.targets, [role]: target } });
  }
  check(
    layers.size > 0,
    'no-match',
    () =>
      `heat: none of the adapted modules are queries, keys or values of attention (${targets[0]?.id}, ...); ` +
      "target slices of a fused projection, 'attn.qkv[q,v]', or modules called query, key or value.",
  );
  return [...layers.values()];
}

/** The target whose gates give a side's scores: a query gate and a key gate have the same derivative. */
export const scoredTarget = ({ targets }: HeadLayer, side: Component): Target | undefined =>
  side === 'q' ? (targets.q ?? targets.k) : targets.v;
