import { adaptformer, check, fold, key, type Method, type MethodFactory, type Target, zeros } from '@peft/core';
import { withScope } from '@peft/core/engine';
import {
  adaptformerOptions,
  type DeltaCall,
  type ParameterSpec,
  type Stage,
  type Tensors,
  type WeightCall,
  wrapMethod,
} from '@peft/core/method';
import * as tf from '@tensorflow/tfjs-core';
import {
  type PearConfig,
  type PearFindings,
  type PearOptions,
  type PearParts,
  pearOptions,
  pearParts,
} from './config.ts';
import { checkTargets, groupsOf } from './groups.ts';
import { importanceOf } from './importance.ts';
import { pruneAndShare } from './prune.ts';

/*
 * Pear, prune and share (Zhong et al. 2024, arXiv 2409.19733). Adapters are trained at all positions, and scored; the least
 * important are pruned, and each position that had one shares that of a more important one, pi(j). With f(.; theta) the
 * adapter of a position, and theta its tensors:
 *
 *     kept i:     y = base(x) + f(x; theta_i)
 *     pruned j:   y = base(x) + g f(x; theta_pi(j)) + kappa_j(x)        kappa_j(x) = f(x; theta_j at pruning)
 *
 * f is that of j: it sees what j sees. g is one, or a trained number. kappa_j, the knowledge checkpoint, is frozen: its
 * tensors are, while the gradient still flows through it to x.
 */

/** The method that `pear` makes. */
export type PearMethod = Method<PearConfig, Tensors, PearFindings>;

const checkpoint = 'checkpoint.';
const gate = 'gate';

// 1. The tensors of a pruned position: theta_pi(j), g, and theta_j at pruning.

/** The tensors that a position's knowledge checkpoint keeps: those that it had. */
const checkpointSpecs = (target: Target, targets: readonly Target[], base: Method): [string, ParameterSpec][] =>
  Object.entries(base.parameters(target, targets)).map(([name, spec]) => [
    checkpoint + name,
    { ...spec, frozen: true },
  ]);

/** The tensors of a position that others share, which methods that act on this one are told. */
function sharedSpecs(donor: Target, targets: readonly Target[], base: Method): [string, ParameterSpec][] {
  const specs = Object.entries(base.parameters(donor, targets));
  const taken = specs.find(([name]) => name === gate || name.startsWith(checkpoint));
  check(!taken, 'not-supported', () => {
    return `pear: a tensor of ${base.type} is called ${taken?.[0]}, which Pear needs for its own; it cannot be shared.`;
  });
  return specs.map(([name, spec]) => [name, { ...spec, share: spec.share ?? donor.id }]);
}

function prunedParameters(
  target: Target,
  donor: Target | undefined,
  targets: readonly Target[],
  { base, config }: PearParts,
): Record<string, ParameterSpec> {
  return Object.fromEntries([
    ...(donor ? sharedSpecs(donor, targets, base) : []),
    ...(donor && config.shareInit === 'gate0' ? [[gate, { shape: [1], init: zeros }]] : []),
    ...(config.knowledgeCheckpoint === 'none' ? [] : checkpointSpecs(target, targets, base)),
  ]);
}

// 2. What they add: to the output, to the weight before use, or to the merged weight.

type Contribution = (tensors: Tensors) => tf.Tensor | undefined;

/** `g f(shared) + kappa(checkpoint)`, of whichever there are. */
function sumOfParts({ [gate]: g, ...tensors }: Tensors, f: Contribution, kappa: Contribution): tf.Tensor | undefined {
  const shared: Tensors = {};
  const kept: Tensors = {};
  for (const [name, tensor] of Object.entries(tensors)) {
    if (name.startsWith(checkpoint)) kept[name.slice(checkpoint.length)] = tensor;
    else shared[name] = tensor;
  }
  const ofShared = Object.keys(shared).length > 0 ? f(shared) : undefined;
  const gated = ofShared && g ? tf.mul(ofShared, g) : ofShared;
  const ofKept = Object.keys(kept).length > 0 ? kappa(kept) : undefined;
  return gated && ofKept ? tf.add(gated, ofKept) : (gated ?? ofKept);
}

const nothing: Contribution = () => undefined;

/** The update of a pruned position's output, `[..., out]`. */
function prunedDelta(call: DeltaCall, { base, config }: PearParts): tf.Tensor {
  const { x, target, path, parameters } = call;
  const f: Contribution = tensors => base.delta({ ...call, parameters: tensors });
  const kappa: Contribution = tensors =>
    // No dropout: it is not trained.
    withScope({ training: false }, () => base.delta({ ...call, parameters: tensors, path: `${path}/checkpoint` }));
  const delta = sumOfParts(parameters, f, config.knowledgeCheckpoint === 'frozen' ? kappa : nothing);
  return delta ?? tf.zeros([...x.shape.slice(0, -1), target.outFeatures]);
}

/** The update of a pruned position's weight before use, `[in, out]`, such as a merged checkpoint. */
function prunedWeightDelta(call: WeightCall, { base, config }: PearParts): tf.Tensor | undefined {
  const f: Contribution = tensors => base.weightDelta?.({ ...call, parameters: tensors });
  const merged: Contribution = tensors => base.deltaWeight?.({ ...call, parameters: tensors });
  return sumOfParts(call.parameters, f, config.knowledgeCheckpoint === 'merge' ? merged : f);
}

/** `dW = g dW(shared) + dW(checkpoint)`, `[in, out]`. */
function prunedDeltaWeight(call: WeightCall, ofBase: (call: WeightCall) => tf.Tensor): tf.Tensor {
  const { inFeatures, outFeatures } = call.target;
  const dW: Contribution = tensors => ofBase({ ...call, parameters: tensors });
  return sumOfParts(call.parameters, dW, dW) ?? tf.zeros([inFeatures, outFeatures]);
}

// 3. The prune: who shares whose tensors.

/** The pruned targets, in the order of the model, each with the one whose adapter it shares. */
function sharingMap(
  targets: readonly Target[],
  scores: Readonly<Record<string, number>>,
  { base, config }: PearParts,
): Record<string, string | null> {
  const pairs = groupsOf(targets, base).flatMap(group => {
    const importance = group.map(({ id }) => {
      const score = scores[id];
      check(score !== undefined, 'state', () => `pear: ${id} was not scored.`);
      return score;
    });
    const shared = pruneAndShare(importance, config, fold(key(config.seed), group[0].id));
    return group.flatMap(({ id }, position) => {
      const donor = group[shared.get(position) ?? -1];
      return donor ? [[id, donor.id] as const] : [];
    });
  });
  const donors = new Map(pairs);
  const pruned = targets.filter(({ id }) => donors.has(id));
  return Object.fromEntries(pruned.map(({ id }) => [id, config.share ? (donors.get(id) ?? null) : null]));
}

function pearStage(parts: PearParts): Stage {
  const { base, config } = parts;
  const { warmEpochs, criterion, knowledgeCheckpoint, scoreBatches } = config;
  return {
    name: 'pruning and sharing',
    after: epochs => warmEpochs ?? 0.3 * epochs,
    ...(criterion === 'taylor' && { gate: () => ({ on: 'delta', groups: 1 }) as const }),
    aggregation: 'none',
    batches: scoreBatches,
    next(gates, values) {
      const targets = values.map(({ target }) => target);
      const scores = importanceOf(values, gates, base, config);
      const shared = sharingMap(targets, scores, parts);
      const pruned = values.filter(({ target }) => target.id in shared && knowledgeCheckpoint !== 'none');
      const checkpoints = pruned.flatMap(({ target, values: own }) =>
        checkpointSpecs(target, targets, base).map(([name, { share = target.id }]) => {
          return [`${share}.${name}`, own[name.slice(checkpoint.length)]];
        }),
      );
      return { method: makePear({ ...parts, findings: { shared, scores } }), values: Object.fromEntries(checkpoints) };
    },
    resume: found => pear({ ...config, base, findings: found as PearOptions['findings'] }),
  };
}

// 4. The method: its base, until it is pruned.

function makePear(parts: PearParts): PearMethod {
  const { config, findings, base } = parts;
  const { knowledgeCheckpoint, ratio } = config;
  const isPruned = ({ id }: Target): boolean => findings?.shared[id] !== undefined;
  const isDonor = ({ id }: Target): boolean => Object.values(findings?.shared ?? {}).includes(id);
  const merges = findings !== undefined && knowledgeCheckpoint === 'merge';
  const weightDelta = (call: WeightCall): tf.Tensor | undefined =>
    isPruned(call.target) ? prunedWeightDelta(call, parts) : base.weightDelta?.(call);
  const wrapped = wrapMethod<PearConfig, PearFindings>(base, {
    type: 'pear',
    config,
    findings,
    on: other => makePear({ ...parts, base: other }),
    parameters(target, targets) {
      if (target === targets[0]) checkTargets(targets, parts);
      if (isDonor(target)) return Object.fromEntries(sharedSpecs(target, targets, base));
      if (!isPruned(target)) return base.parameters(target, targets);
      const donor = targets.find(({ id }) => id === findings?.shared[target.id]);
      return prunedParameters(target, donor, targets, parts);
    },
    delta: call => (isPruned(call.target) ? prunedDelta(call, parts) : base.delta(call)),
    weightDelta: (_, call) => weightDelta(call),
    deltaWeight: (ofBase, call) => (isPruned(call.target) ? prunedDeltaWeight(call, ofBase) : ofBase(call)),
    async initFromWeight(ofBase, target, ...from) {
      const values = await ofBase(target, ...from);
      if (!isPruned(target)) return values;
      const own = knowledgeCheckpoint === 'none' ? [] : Object.entries(values);
      return Object.fromEntries(own.map(([name, data]) => [checkpoint + name, data]));
    },
    ...(ratio > 0 && !findings && { stage: pearStage(parts) }),
  });
  return merges ? { ...wrapped, weightDelta } : wrapped;
}

/**
 * Prune and share: trains adapters at all positions, removes the least important ones, and lets the important ones be shared
 * in their place, beside what the removed ones had learned.
 *
 * ```ts
 * await model.add('default', pear({ r: 8, modulesToSave: ['head'] }), { key: key(42) }); // bottlenecks beside the MLPs
 * await model.add('default', pear({ base: lora({ targets: ['attn.qkv[q,v]'] }) }), { key: key(42) });
 * ```
 *
 * @throws PeftError `bad-config` for an option that does not exist or makes no sense; `not-supported` for a method with a
 * stage of its own
 */
export const pear: ((options?: PearOptions) => PearMethod) & MethodFactory<PearOptions, PearMethod> =
  /* @__PURE__ */ Object.assign((options: PearOptions = {}): PearMethod => makePear(pearParts(options)), {
    type: 'pear',
    options: { ...pearOptions, ...adaptformerOptions },
    base: adaptformer,
  });
