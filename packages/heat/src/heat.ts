import { adaptformer, check, linear, type Method, type MethodFactory, type Target, widenTensor } from '@peft/core';
import { type DeltaCall, type Scores, type Stage, type Tensors, type WeightCall, wrapMethod } from '@peft/core/method';
import * as tf from '@tensorflow/tfjs-core';
import {
  adaptedOf,
  countOff,
  type HeadLayer,
  layersOf,
  type Mask,
  maskAt,
  scoredTarget,
  sideOf,
  targetsOf,
} from './attention.ts';
import {
  type HeadsOff,
  type HeatConfig,
  type HeatFindings,
  type HeatOptions,
  type HeatParts,
  heatOptions,
  heatParts,
  pairOptions,
  readFindings,
} from './config.ts';
import { type Component, chooseOff, type LayerScores, type Strategy } from './importance.ts';

/*
 * HEAT (Zhong and Zhou 2024, arXiv 2404.08894; Heart-LoRA since v2): adapts the attention heads that matter to the task.
 *
 *     TIS[l, h, c] = sum over batches |dL/dg[l, h, c]|      g = 1, a gate on component c of head h in layer l
 *     m = 0 on the heads of least importance, 1 elsewhere; each spread over the head's features
 *
 * With the mask on the delta, the pretrained head stays:
 *
 *     q' = x W_q + b_q + dq (.) m        v' = x W_v + b_v + dv (.) m
 *
 * With the mask on the output, the whole head goes, of which the projection that reads the heads takes care. With O what
 * it reads, of which m makes O (.) m:
 *
 *     y = (O (.) m) (W + dW) + b = O W + b + [ (O (.) m) dW - (O (.) (1 - m)) W ]
 */

/** The method that `heat` makes. */
export type HeatMethod = Method<HeatConfig, Tensors, HeatFindings>;

// 1. What a mask does, to the delta of any method.

/** 1 where features are on, 0 where they are off, `[features]`. A step that is recorded takes no arrays of the host. */
const factors = (on: readonly boolean[]): tf.Tensor => widenTensor(tf.ones([on.filter(Boolean).length]), on);

/** The update of a target's output, `[..., out]`. */
function maskedDelta(call: DeltaCall, base: Method, { isAdapted, outputs, inputs }: Mask): tf.Tensor {
  const { x, weight, baseOutput, target } = call;
  if (inputs) {
    const m = factors(inputs); // [in]
    const cut = linear(tf.mul(x, tf.sub(m, 1)), weight()); // -(O (.) (1 - m)) W
    if (!isAdapted) return cut;
    return tf.add(cut, base.delta({ ...call, x: tf.mul(x, m), baseOutput: () => tf.add(baseOutput(), cut) }));
  }
  if (!isAdapted) return tf.zeros([...x.shape.slice(0, -1), target.outFeatures]);
  const delta = base.delta(call);
  return outputs ? tf.mul(delta, factors(outputs)) : delta;
}

/** A change of a target's weight, `[in, out]`, where heads are on. */
function maskedChange(change: tf.Tensor, { outputs, inputs }: Mask): tf.Tensor {
  if (inputs) return tf.mul(change, tf.expandDims(factors(inputs), 1));
  return outputs ? tf.mul(change, factors(outputs)) : change;
}

/** The update of a target's weight in merging, `[in, out]`; if it reads heads, `m (W + dW) - W`. */
function maskedDeltaWeight({ weight }: WeightCall, dW: () => tf.Tensor, mask: Mask): tf.Tensor {
  const kept = mask.isAdapted ? maskedChange(dW(), mask) : undefined;
  const cut = mask.inputs && tf.mul(weight(), tf.expandDims(tf.sub(factors(mask.inputs), 1), 1));
  if (kept && cut) return tf.add(kept, cut);
  return kept ?? cut ?? tf.zerosLike(weight());
}

// 2. The score pass: gates on the heads of each layer, and the mask that follows.

function readScores(
  layers: readonly HeadLayer[],
  { components }: Strategy,
  scores: Scores,
): Record<string, LayerScores> {
  const ofSide = (layer: HeadLayer, side: Component): [Component, number[]] => {
    const id = scoredTarget(layer, side)?.id ?? '';
    const found = [...(scores.get(id) ?? [])];
    check(found.length === layer.heads && found.every(Number.isFinite), 'numerics', () => {
      return `heat: the scores of ${id} are [${found}]; they must be ${layer.heads} numbers.`;
    });
    return [side, found];
  };
  return Object.fromEntries(
    layers.map(layer => [layer.path, Object.fromEntries(components.map(side => ofSide(layer, side)))]),
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
  const choose = (among: readonly HeadLayer[], side?: Component): Record<string, number[]> => {
    const ranked = among.map(layer => {
      const { path, heads, width } = layer;
      const importance = strategy.combine(scores[path] ?? {}, { path, heads }, side);
      check(importance.length === heads, 'bad-config', () => {
        return `heat: strategy "${strategy.name}" gave ${importance.length} numbers for the ${heads} heads of "${path}".`;
      });
      return { path, heads, width, importance, off: countOff(layer, config) };
    });
    return chooseOff(ranked, config.scope ?? (isEven ? 'global' : 'layer'), config);
  };
  if (!config.separateMasks) return choose(layers);
  const on = (side: Component): HeadLayer[] =>
    layers.filter(({ targets }) => Object.values(targets).some(({ role }) => role && sideOf(role) === side));
  const [q, v] = [choose(on('q'), 'q'), choose(on('v'), 'v')];
  return Object.fromEntries(
    layers.map(({ path }) => [path, { ...(q[path] && { q: q[path] }), ...(v[path] && { v: v[path] }) }]),
  );
}

/** Whether nothing but the modules trained whole learns before the first score pass. */
const hasProbe = ({ config: { warmEpochs, probeHeadEpochs }, base }: HeatParts): boolean =>
  warmEpochs === 0 && base.modulesToSave.length > 0 && probeHeadEpochs !== 0;

/** The number of epochs before the first score pass. */
function firstPass(parts: HeatParts, epochs: number): number {
  const { warmEpochs, probeHeadEpochs = Math.min(1, epochs / 5) } = parts.config;
  return hasProbe(parts) ? probeHeadEpochs : warmEpochs;
}

function heatStage(parts: HeatParts): Stage {
  const { config, findings, strategy } = parts;
  const { aggregation, scoreBatches, scoreOn, refreshEvery } = config;
  const passes = findings?.passes ?? 0;
  const known = (): Strategy => {
    check(strategy, 'bad-config', () => {
      return `heat: to score anew, strategy "${config.strategy}" is needed as a value; this adapter was read from a file.`;
    });
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
    aggregation,
    ...(scoreBatches !== undefined && { batches: scoreBatches }),
    optional: findings !== undefined,
    next(found, values) {
      const targets = values.map(({ target }) => target);
      const layers = layersOf(targets, config);
      const scores = readScores(layers, known(), found);
      const off = findOff(layers, scores, known(), config);
      return { method: makeHeat({ ...parts, findings: { off, scores, passes: passes + 1 } }) };
    },
    resume: found => makeHeat({ ...parts, findings: readFindings(found) }),
  };
}

// 3. The method: its base with a mask, and without one the stage that finds it.

function makeHeat(parts: HeatParts): HeatMethod {
  const { config, findings, base } = parts;
  const isProbing = !findings && hasProbe(parts);
  const masks = new WeakMap<Target, Mask>();
  const at = (target: Target): Mask => {
    const mask = masks.get(target);
    check(mask, 'state', () => `heat: ${target.id} is of no adapter of this method.`);
    return mask;
  };
  return wrapMethod<HeatConfig, HeatFindings>(base, {
    type: 'heat',
    config,
    findings,
    targets: targetsOf(parts),
    on: other => makeHeat({ ...parts, base: other }),
    parameters(target, targets) {
      const mask = maskAt(target, targets, parts);
      masks.set(target, mask);
      const specs = mask.isAdapted ? base.parameters(target, adaptedOf(targets, parts)) : {};
      const entries = Object.entries(specs).map(([name, spec]) => {
        const isCut = spec.perOutput && spec.share === undefined && !spec.nonzero;
        return [name, { ...spec, ...(isCut && { nonzero: mask.outputs }), ...(isProbing && { frozen: true }) }];
      });
      return Object.fromEntries(entries);
    },
    delta: call => maskedDelta(call, base, at(call.target)),
    weightDelta(ofBase, call) {
      const mask = at(call.target);
      const change = mask.isAdapted ? ofBase(call) : undefined;
      return change && maskedChange(change, mask);
    },
    deltaWeight: (ofBase, call) => maskedDeltaWeight(call, () => ofBase(call), at(call.target)),
    initFromWeight: async (ofBase, target, ...from) => (at(target).isAdapted ? ofBase(target, ...from) : {}),
    ...((!findings || config.refreshEvery > 0) && { stage: heatStage(parts) }),
  });
}

/**
 * Head-level adaptation: scores the heads of attention on the task, and turns the adapter off at the least important.
 *
 * ```ts
 * await model.add('default', heat({ ne: 3, r: 8, modulesToSave: ['head'] }), { key: key(42) });
 * await model.add('default', heat({ ne: 3, base: lora({ targets: ['attn.qkv[q,v]'], dora: true }) }), { key: key(42) });
 * ```
 *
 * @throws PeftError `bad-config` for an option that does not exist or makes no sense
 */
export const heat: ((options?: HeatOptions) => HeatMethod) & MethodFactory<HeatOptions, HeatMethod> =
  /* @__PURE__ */ Object.assign((options: HeatOptions = {}): HeatMethod => makeHeat(heatParts(options)), {
    type: 'heat',
    options: { ...heatOptions, ...pairOptions },
    base: adaptformer,
  });
