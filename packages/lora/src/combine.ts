import { type AdaptedModel, type Adapter, check, key, type Parameter } from '@peft/core';
import { isMadeBy, parameterOf } from '@peft/core/method';
import { combineTarget, type Factors, type Parts, padded, type WeightedTarget } from './combine-maths.ts';
import type { LoraConfig } from './config.ts';
import { lora } from './lora.ts';
import { rankOf } from './maths.ts';

export interface CombineOptions {
  /** The name of the new adapter. */
  name: string;
  /**
   * The way to combine weights w. `linear`: A and B are summed, each with sqrt(|w s|), for adapters of one rank; `cat`: A
   * and B are put side by side, so that the update is exactly the weighted sum; `svd`: the best approximation of the
   * weighted sum, of rank `rank`.
   */
  type?: 'linear' | 'cat' | 'svd';
  /** The rank, for `svd`; the largest of the adapters' ranks unless given. */
  rank?: number;
}

/**
 * Makes a new LoRA of several on the same model, as Hugging Face peft's `add_weighted_adapter` does: its rank is that of
 * the result and alpha equals it. Heads and biases come from the one adapter that has them. The new adapter is not in
 * use until `model.use(name)`.
 *
 * @throws PeftError `not-supported` for adapters that are no plain LoRA (with `svd`, any LoRA will do), `bad-argument` for
 *   ranks that differ with `linear`, `state` for two adapters that have the same head or bias
 */
export async function combine(
  model: AdaptedModel,
  adapters: readonly string[],
  weights: readonly number[],
  { name, type: asked = 'svd', rank: svdRank }: CombineOptions,
): Promise<Adapter> {
  check(
    adapters.length > 0 && adapters.length === weights.length,
    'bad-argument',
    () => `combine: ${adapters.length} adapters and ${weights.length} weights; give one weight for each adapter.`,
  );
  check(!model.isMerged, 'state', () => 'Cannot combine adapters while they are merged; call unmerge() first.');
  check(
    svdRank === undefined || (Number.isInteger(svdRank) && svdRank > 0),
    'bad-argument',
    () => `combine: rank is ${svdRank}; it must be a positive integer.`,
  );
  const type = adapters.length === 1 && svdRank === undefined ? 'linear' : asked;
  const members = adapters.map((member, i) => memberOf(model.get(member), weights[i]!, type));
  const targets = groupByTarget(members.flatMap(({ parts }) => parts));
  const ranks = members.map(({ parts }) => Math.max(...parts.map(({ config, target }) => rankOf(config, target))));
  const rank = type === 'cat' ? ranks.reduce((sum, r) => sum + r, 0) : Math.max(...ranks);
  const r = type === 'svd' ? (svdRank ?? rank) : rank;
  const factors = new Map<string, Factors>();
  for (const [id, parts] of targets) factors.set(id, padded(await combineTarget(parts, type, r), parts[0].target, r));
  const saved = savedParameters(adapters.map(member => model.get(member)));

  const configs = members.map(({ config }) => config);
  const method = lora({ ...configs[0], ...plainConfig(r), ...savedConfig(configs), targets: targetsOf(targets) });
  const keeps = (path: string): boolean => adapters.some(member => model.get(member).plan.kept.has(path));
  const combined = await model.add(name, method, { key: key(0), active: false, keeps });
  for (const attached of combined.attachedTargets) {
    const { target } = attached;
    // A name that ends the path of another module adapts that too: there the update is zero.
    const { A, B } = factors.get(target.id) ?? padded({ A: new Float32Array(), B: new Float32Array() }, target, r);
    parameterOf(attached, 'A').set(A);
    parameterOf(attached, 'B').set(B);
  }
  for (const [path, { own }] of combined.plan.saved) {
    const values = await saved.get(path)?.get();
    if (values) own.set(values);
  }
  return combined;
}

function memberOf(
  adapter: Adapter,
  weight: number,
  type: string,
): { config: LoraConfig; parts: readonly WeightedTarget[] } {
  const { name, method } = adapter;
  check(
    isMadeBy(method, lora),
    'not-supported',
    () => `combine: "${name}" is of type ${method.type}; only LoRA can be combined.`,
  );
  const { config } = method;
  const isPlain = !config.dora && config.init !== 'pissa';
  check(
    isPlain || type === 'svd',
    'not-supported',
    () =>
      `combine: "${name}" uses ${config.dora ? 'dora' : 'pissa'}, whose factors do not add up; use type "svd" and a rank.`,
  );
  return { config, parts: adapter.plan.byTarget.map(planned => ({ ...planned, config, weight })) };
}

function groupByTarget(parts: readonly WeightedTarget[]): Map<string, Parts> {
  const groups = new Map<string, Parts>();
  for (const part of parts) {
    const { id, path, slice } = part.target;
    const known = groups.get(id);
    groups.set(id, known ? [...known, part] : [part]);
    const other = slice ? groups.get(path) : parts.find(({ target }) => target.path === path && target.slice);
    check(!other, 'not-supported', () => `combine: one adapter adapts the whole of ${path}, another slices of it.`);
  }
  return groups;
}

/** Plain LoRA of rank r whose scale is 1, at the targets that `targets` lists. */
const plainConfig = (r: number): Partial<LoraConfig> => ({
  r,
  alpha: r,
  rslora: false,
  dora: false,
  init: 'default',
  rankPattern: {},
  alphaPattern: {},
  exclude: undefined,
  layers: undefined,
  layersPattern: undefined,
});

const savedConfig = (configs: LoraConfig[]): Pick<LoraConfig, 'bias' | 'modulesToSave'> => ({
  modulesToSave: [...new Set(configs.flatMap(({ modulesToSave }) => modulesToSave))],
  bias: (['all', 'lora_only'] as const).find(bias => configs.some(config => config.bias === bias)) ?? 'none',
});

/** The modules' paths, with the slices of each in brackets. */
function targetsOf(targets: ReadonlyMap<string, Parts>): string[] {
  const slices = new Map<string, string[]>();
  for (const [{ target }] of targets.values()) {
    slices.set(target.path, [...(slices.get(target.path) ?? []), ...(target.slice ? [target.slice.name] : [])]);
  }
  return [...slices].map(([path, names]) => (names.length > 0 ? `${path}[${names}]` : path));
}

/** The adapters' own heads and biases by path. */
function savedParameters(adapters: Adapter[]): Map<string, Parameter> {
  const saved = new Map<string, Parameter>();
  for (const { name, plan } of adapters) {
    for (const [path, { own }] of plan.saved) {
      check(!saved.has(path), 'state', () => `combine: "${name}" and another adapter both have their own ${path}.`);
      saved.set(path, own);
    }
  }
  return saved;
}
