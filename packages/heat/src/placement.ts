import { check, type Method, type ParameterSpec, type Target } from '@peft/core';
import type { HeadsOff, HeatConfig, HeatParts } from './config.ts';
import type { Strategy } from './importance.ts';
import { type HeadLayer, layersOf, parentOf, roleOf, scoredTarget, sideOf } from './layers.ts';
import { outputAxes, type Run, runsOf } from './mask.ts';

/** What a mask means for one target of an adapter. */
export interface Placement {
  /** The whole tensors of the method that HEAT acts on; nothing where it has no part, and only heads are taken out. */
  readonly specs: Readonly<Record<string, ParameterSpec>> | undefined;
  /** The axes along which these tensors can be cut into heads. */
  readonly axes: Readonly<Record<string, number>>;
  /** What is on and off along its outputs, if it is a layer's queries, keys or values. */
  readonly outputs: readonly Run[] | undefined;
  /** Along its inputs, if it is the projection that reads the heads. */
  readonly inputs: readonly Run[] | undefined;
}

/** The heads of a layer that are off on the side of one of its targets. */
function headsOff(off: HeadsOff | undefined, { path }: HeadLayer, target: Target): readonly number[] {
  const found = off?.[path] ?? [];
  const role = roleOf(target);
  return 'length' in found ? found : ((role && found[sideOf(role)]) ?? []);
}

/** How many heads of a layer are to be turned off. */
export function countOff({ path, heads }: HeadLayer, { ne, ratio }: HeatConfig): number {
  const part = ratio === 0 || heads === 1 ? 0 : Math.max(1, Math.floor(ratio * heads + 1e-9));
  const count = ne ?? part;
  check(
    count < heads,
    'bad-config',
    () =>
      `heat: ne is ${ne}, but ${path || 'the root module'} has ${heads} heads; ` +
      'give a smaller ne, or a ratio, which goes with the number of heads.',
  );
  return count;
}

function checkScorable(layers: readonly HeadLayer[], { components, name }: Strategy, config: HeatConfig): void {
  for (const layer of layers) {
    countOff(layer, config);
    const missing = components.find(side => !scoredTarget(layer, side));
    const found = Object.values(layer.targets).map(({ id }) => id);
    check(
      !missing,
      'no-match',
      () =>
        `heat: strategy "${name}" scores ${missing === 'q' ? 'queries or keys' : 'values'}, but ` +
        `${layer.path || 'the root module'} has ${found.join(', ')} alone; target those too, or use another strategy.`,
    );
  }
}

function checkOff(layers: readonly HeadLayer[], off: HeadsOff): void {
  for (const [path, found] of Object.entries(off)) {
    const layer = layers.find(candidate => candidate.path === path);
    const paths = layers.map(candidate => candidate.path).join(', ');
    check(layer, 'bad-config', () => `heat: off names "${path}", but the layers of attention here are ${paths}.`);
    for (const heads of 'length' in found ? [found] : Object.values(found)) {
      const wrong = heads.find(head => !Number.isInteger(head) || head < 0 || head >= layer.heads);
      const isWhole = wrong === undefined && new Set(heads).size < layer.heads;
      check(
        isWhole,
        'bad-config',
        () => `heat: off has [${heads}] for "${path}", which has ${layer.heads} heads; at least one must stay.`,
      );
    }
  }
}

const stripSlices = (name: string): string => name.replace(/\[.*\]$/, '');
const endsWith = (path: string, name: string): boolean => path === name || path.endsWith(`.${name}`);

/** The names by which a method adapts modules. Expressions are for methods that need no targets beside theirs. */
export function targetNames({ type, targets }: Method): readonly string[] {
  const names = targets?.targets ?? [];
  check(
    typeof names !== 'string',
    'not-supported',
    () => `heat: maskTarget "output" needs the targets of ${type} as a list of names, not "${names}".`,
  );
  return names;
}

/** Names of output projections that the method does not adapt already. */
export const extraTargets = (base: Method, { outputTargets }: HeatConfig): string[] =>
  outputTargets.filter(name => !targetNames(base).some(own => endsWith(name, own)));

/** The projection that reads a layer's heads. */
function outputTarget(
  { path, heads, width }: HeadLayer,
  targets: readonly Target[],
  { outputTargets }: HeatConfig,
): Target {
  const isOutput = (target: Target): boolean =>
    parentOf(target.path) === path && !target.slice && outputTargets.some(name => endsWith(target.path, name));
  const target = targets.find(isOutput);
  check(
    target && target.inFeatures === width,
    'no-match',
    () =>
      `heat: no projection of ${outputTargets.join(', ')} reads the ${heads} heads (${width} features) of ` +
      `${path || 'the root module'}; name it in outputTargets.`,
  );
  return target;
}

/** What HEAT does at a target of an adapter. Throws where the targets do not fit the configuration. */
export function placementOf(
  target: Target,
  targets: readonly Target[],
  { config, findings, base, strategy }: HeatParts,
): Placement {
  const { maskTarget } = config;
  const off = findings?.off;
  const masksOutput = maskTarget === 'output';
  const names = masksOutput ? targetNames(base).map(stripSlices) : [];
  const adapted = masksOutput ? targets.filter(({ matched }) => names.includes(matched)) : targets;
  const layers = layersOf(adapted, config);
  if (off) checkOff(layers, off);
  else if (strategy) checkScorable(layers, strategy, config);
  const own = layers.find(layer => Object.values(layer.targets).includes(target));
  const read = masksOutput ? layers.find(layer => outputTarget(layer, targets, config) === target) : undefined;
  const specs = adapted.includes(target) ? base.parameters(target, adapted) : undefined;
  return {
    specs,
    axes: outputAxes(specs ?? {}, target),
    outputs: own && runsOf(target.outFeatures, own.heads, headsOff(off, own, target)),
    inputs: read && runsOf(target.inFeatures, read.heads, headsOff(off, read, target)),
  };
}
