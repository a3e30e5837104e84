import { check, type Scores, type Stage, type StageResult, type TargetValues } from '@peft/core';
import { type HeadsOff, type HeatConfig, type HeatParts, readFindings } from './config.ts';
import { type Component, chooseOff, type LayerScores, type Strategy } from './importance.ts';
import { type HeadLayer, layersOf, type Role, scoredTarget, sideOf } from './layers.ts';
import { narrow, type Run, widen } from './mask.ts';
import { countOff, placementOf } from './placement.ts';

/** Whether nothing but the modules trained whole learns before the first score pass. */
const hasProbe = ({ config: { warmEpochs, probeHeadEpochs }, base }: HeatParts): boolean =>
  warmEpochs === 0 && base.modulesToSave.length > 0 && probeHeadEpochs !== 0;

/** Whether that is now. */
export const isProbing = (parts: HeatParts): boolean => !parts.findings && hasProbe(parts);

/** How many epochs of a run come before the first score pass. */
function firstPass(parts: HeatParts, epochs: number): number {
  const { warmEpochs, probeHeadEpochs = Math.min(1, epochs / 5) } = parts.config;
  return hasProbe(parts) ? probeHeadEpochs : warmEpochs;
}

function readScores(
  layers: readonly HeadLayer[],
  { components }: Strategy,
  scores: Scores,
): Record<string, LayerScores> {
  const ofSide = (layer: HeadLayer, side: Component): number[] => {
    const id = scoredTarget(layer, side)?.id ?? '';
    const found = [...(scores.get(id) ?? [])];
    check(
      found.length === layer.heads && found.every(Number.isFinite),
      'numerics',
      () => `heat: the scores of ${id} are [${found}]; they must be ${layer.heads} numbers.`,
    );
    return found;
  };
  return Object.fromEntries(
    layers.map(layer => [layer.path, Object.fromEntries(components.map(side => [side, ofSide(layer, side)]))]),
  );
}

/** The heads to turn off, by what the layers scored. */
function findOff(
  layers: readonly HeadLayer[],
  scores: Readonly<Record<string, LayerScores>>,
  strategy: Strategy,
  config: HeatConfig,
): HeadsOff {
  const isEven = new Set(layers.map(({ heads }) => heads)).size === 1;
  const scope = config.scope ?? (isEven ? 'global' : 'layer');
  const choose = (among: readonly HeadLayer[], side?: Component): Record<string, number[]> => {
    const ranked = among.map(layer => {
      const { path, heads, width } = layer;
      const importance = strategy.combine(scores[path], { path, heads }, side);
      check(
        importance.length === heads,
        'bad-config',
        () =>
          `heat: strategy "${strategy.name}" gave ${importance.length} numbers for the ${heads} heads of "${path}".`,
      );
      return { path, heads, width, importance, off: countOff(layer, config) };
    });
    return chooseOff(ranked, scope, config);
  };
  if (!config.separateMasks) return choose(layers);
  const on = (side: Component): HeadLayer[] =>
    layers.filter(({ targets }) => Object.keys(targets).some(role => sideOf(role as Role) === side));
  const [q, v] = [choose(on('q'), 'q'), choose(on('v'), 'v')];
  return Object.fromEntries(
    layers.map(({ path }) => [path, { ...(q[path] && { q: q[path] }), ...(v[path] && { v: v[path] }) }]),
  );
}

/** The values of what follows, as far as they belong to heads: of those that were on, and zeros for those that come on. */
function moveValues(before: HeatParts, after: HeatParts, all: TargetValues): Record<string, Float32Array> {
  const targets = all.map(({ target }) => target);
  const moved = all.flatMap(({ target, values }) => {
    const everything: Run[] = [{ size: target.outFeatures, active: true }];
    const { specs = {}, axes, outputs: from = everything } = placementOf(target, targets, before);
    const { outputs: to = everything } = placementOf(target, targets, after);
    return Object.entries(axes).map(([name, axis]): [string, Float32Array] => {
      const { shape } = specs[name];
      return [`${target.id}.${name}`, narrow(widen(values[name], shape, axis, from), shape, axis, to)];
    });
  });
  return Object.fromEntries(moved);
}

/**
 * The score pass: gates on the heads of each layer, and the mask that follows.
 *
 * @param make the method of what follows
 */
export function heatStage(parts: HeatParts, make: (parts: HeatParts) => StageResult['method']): Stage {
  const { config, findings, strategy } = parts;
  const { refreshEvery, scoreOn } = config;
  const passes = findings?.passes ?? 0;
  const known = (): Strategy => {
    check(
      strategy,
      'bad-config',
      () =>
        `heat: to score anew, strategy "${config.strategy}" is needed as a value; this adapter was read from a file.`,
    );
    return strategy;
  };
  return {
    name: findings ? 'head rescoring' : 'head scoring',
    after: epochs => firstPass(parts, epochs) + passes * refreshEvery,
    ...(strategy?.components.length !== 0 && {
      gate(target, targets) {
        const layer = layersOf(targets, config).find(candidate => Object.values(candidate.targets).includes(target));
        const isScored = layer && known().components.some(side => scoredTarget(layer, side) === target);
        return isScored ? { on: scoreOn === 'delta' ? 'delta' : 'output', groups: layer.heads } : undefined;
      },
    }),
    aggregation: config.aggregation,
    ...(config.scoreBatches !== undefined && { batches: config.scoreBatches }),
    optional: findings !== undefined,
    next(found, values) {
      const layers = layersOf(
        values.map(({ target }) => target),
        config,
      );
      const scores = readScores(layers, known(), found);
      const off = findOff(layers, scores, known(), config);
      const after = { ...parts, findings: { off, scores, passes: passes + 1 } };
      return { method: make(after), values: moveValues(parts, after, values) };
    },
    resume: found => make({ ...parts, findings: readFindings(found) }),
  };
}
