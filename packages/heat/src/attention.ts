import { check, type Role, type Target } from '@peft/core';
import type { HeadsOff, HeatConfig, HeatParts } from './config.ts';
import type { Component, Strategy } from './importance.ts';

/** A layer of attention as far as an adapter has targets in it. */
export interface HeadLayer {
  readonly path: string;
  readonly heads: number;
  /** Features of all heads together. */
  readonly width: number;
  readonly targets: Readonly<Partial<Record<Role, Target>>>;
}

const named = ({ path }: HeadLayer): string => path || 'the root module';

/** The side of attention that a role is on. */
export const sideOf = (role: Role): Component => (role === 'value' ? 'v' : 'q');

/** The target whose gates give a side's scores: a query gate and a key gate have the same derivative. */
export const scoredTarget = ({ targets }: HeadLayer, side: Component): Target | undefined =>
  side === 'q' ? (targets.query ?? targets.key) : targets.value;

function headsOf({ id, heads: told, outFeatures }: Target, { heads = told }: HeatConfig): number {
  check(heads !== undefined, 'not-supported', () => {
    return `heat: ${id} does not tell its number of attention heads; give the option heads, or make the module with new Linear(..., { heads }).`;
  });
  check(outFeatures % heads === 0, 'not-supported', () => {
    return `heat: the ${outFeatures} outputs of ${id} cannot be shared equally by ${heads} attention heads.`;
  });
  return heads;
}

/** The layers of attention in which there are targets, in the order of the model. */
export function layersOf(targets: readonly Target[], config: HeatConfig): HeadLayer[] {
  const layers = new Map<string, HeadLayer>();
  for (const target of targets) {
    const { layer: path, role, id, outFeatures: width } = target;
    if (!role) continue;
    const heads = headsOf(target, config);
    const known = layers.get(path);
    check(!known || known.heads === heads, 'not-supported', () => {
      return `heat: ${id} has ${heads} heads, but what is beside it has ${known?.heads}; a mask is for both.`;
    });
    layers.set(path, { path, heads, width, targets: { ...known?.targets, [role]: target } });
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

/** The number of heads of a layer to turn off. */
export function countOff(layer: HeadLayer, { ne, ratio }: HeatConfig): number {
  const { heads } = layer;
  const part = ratio === 0 || heads === 1 ? 0 : Math.max(1, Math.floor(ratio * heads + 1e-9));
  const count = ne ?? part;
  check(count < heads, 'bad-config', () => {
    return `heat: ne is ${ne}, but ${named(layer)} has ${heads} heads; give a smaller ne, or a ratio, which goes with the number of heads.`;
  });
  return count;
}

function checkScorable(layers: readonly HeadLayer[], { components, name }: Strategy, config: HeatConfig): void {
  for (const layer of layers) {
    countOff(layer, config);
    const missing = components.find(side => !scoredTarget(layer, side));
    check(!missing, 'no-match', () => {
      const found = Object.values(layer.targets).map(({ id }) => id);
      return (
        `heat: strategy "${name}" scores ${missing === 'q' ? 'queries or keys' : 'values'}, but ` +
        `${named(layer)} has ${found.join(', ')} alone; target those too, or use another strategy.`
      );
    });
  }
}

function checkOff(layers: readonly HeadLayer[], off: HeadsOff): void {
  for (const [path, found] of Object.entries(off)) {
    const layer = layers.find(candidate => candidate.path === path);
    check(layer, 'bad-config', () => {
      const paths = layers.map(candidate => candidate.path).join(', ');
      return `heat: off names "${path}", but the layers of attention here are ${paths}.`;
    });
    for (const heads of 'length' in found ? [found] : Object.values(found)) {
      const isThere = heads.every(head => Number.isInteger(head) && head >= 0 && head < layer.heads);
      check(isThere && new Set(heads).size < layer.heads, 'bad-config', () => {
        return `heat: off has [${heads}] for "${path}", which has ${layer.heads} heads; at least one must stay.`;
      });
    }
  }
}

const endsWith = (path: string, name: string): boolean => path === name || path.endsWith(`.${name}`);

/** The adapted targets, and for masks on the output those that read heads. */
export function targetsOf({ base, config: { maskTarget, outputTargets } }: HeatParts) {
  const { targets: places, type } = base;
  if (maskTarget === 'delta' || !places) return places;
  const { targets } = places;
  check(typeof targets !== 'string', 'not-supported', () => {
    return `heat: maskTarget "output" needs the targets of ${type} as a list of names, not "${targets}".`;
  });
  const extra = outputTargets.filter(name => !targets.some(own => endsWith(name, own)));
  return { ...places, targets: [...targets, ...extra] };
}

/** Those of the targets that the base method adapts. */
export function adaptedOf(targets: readonly Target[], { base, config: { maskTarget } }: HeatParts): readonly Target[] {
  const names = base.targets?.targets ?? [];
  if (maskTarget === 'delta' || typeof names === 'string') return targets;
  return targets.filter(({ matched }) => names.some(name => name.replace(/\[.*\]$/, '') === matched));
}

/** The projection that reads a layer's heads. */
function readerOf(layer: HeadLayer, targets: readonly Target[], outputTargets: readonly string[]): Target {
  const isReader = ({ layer: path, slice, path: own }: Target): boolean =>
    path === layer.path && !slice && outputTargets.some(name => endsWith(own, name));
  const target = targets.find(isReader);
  check(
    target?.inFeatures === layer.width,
    'no-match',
    () =>
      `heat: no projection of ${outputTargets.join(', ')} reads the ${layer.heads} heads (${layer.width} features) of ` +
      `${named(layer)}; name it in outputTargets.`,
  );
  return target;
}

/** A mask at one target: the features that are on, if some are off. */
export interface Mask {
  /** Whether the base method adapts it, rather than heads being taken out there and no more. */
  readonly isAdapted: boolean;
  /** Over its outputs, if it computes a layer's queries, keys or values. */
  readonly outputs: readonly boolean[] | undefined;
  /** Over its inputs, if it reads the heads. */
  readonly inputs: readonly boolean[] | undefined;
}

/** The features of a layer's heads that are on, for one role; undefined if all are. */
function featuresOn({ path, heads, width }: HeadLayer, off: HeadsOff, role: Role | undefined) {
  const found = off[path] ?? [];
  const list = 'length' in found ? found : ((role && found[sideOf(role)]) ?? []);
  return list.length === 0
    ? undefined
    : Array.from({ length: width }, (_, feature) => !list.includes(Math.floor((feature * heads) / width)));
}

/** The mask at a target of an adapter. Throws where the targets do not fit the configuration. */
export function maskAt(target: Target, targets: readonly Target[], parts: HeatParts): Mask {
  const { config, findings, strategy } = parts;
  const adapted = adaptedOf(targets, parts);
  const layers = layersOf(adapted, config);
  if (findings) checkOff(layers, findings.off);
  else if (strategy) checkScorable(layers, strategy, config);
  const { off = {} } = findings ?? {};
  const masksHeads = config.maskTarget === 'output';
  const own = layers.find(layer => Object.values(layer.targets).includes(target));
  const read = masksHeads ? layers.find(layer => readerOf(layer, targets, config.outputTargets) === target) : undefined;
  return {
    isAdapted: adapted.includes(target),
    outputs: own && featuresOn(own, off, target.role),
    inputs: read && featuresOn(read, off, undefined),
  };
}
