import type { JsonObject, Target } from '@peft/core';
import {
  isBlock,
  option,
  type PeftAdapterFile,
  readFields,
  readTable,
  type TargetValues,
  type TensorReader,
  type TensorTable,
  targetFields,
  value,
  writeTable,
} from '@peft/core/method';
import { type LilyConfig, type LilyOptions, lilyOptions } from './config.ts';
import { groupOf, strideOf, targetName } from './sharing.ts';

const peftNames: Record<string, string> = { A: 'lily_A', P: 'lily_B', R: 'lily_router' };

/** A slice keeps its brackets, which peft does not know. */
const tableOf = (specs: TensorTable['specs']): TensorTable => ({
  specs,
  key: (id, name) => `${id}.${peftNames[name]}.weight`,
});

/**
 * Whether peft's `LILY` computes the same (with `sample`: for one picture at a time): linear modules as a
 * whole, a router for each layer, and no choice that it does not make.
 */
const isPeftLily = (targets: readonly Target[], { mixing, pool, router }: LilyConfig): boolean =>
  mixing !== 'token' &&
  pool === 'mean-of-softmax' &&
  router === 'layer' &&
  targets.every(target => (target.named || !target.slice) && !isBlock(target));

/** The one stride that cuts every group as it is cut; 1, with which layers share by equal values only, if none does. */
function commonStride(targets: readonly Target[], config: LilyConfig): number {
  const blocks = (layers: number, stride: number): string =>
    Array.from({ length: layers }, (_, i) => Math.floor(i / stride)).join();
  const groups = targets.map(target => groupOf(target, targets, config).length);
  const stride = Math.max(...groups.map(layers => strideOf(layers, config)));
  const isCommon = groups.every(layers => blocks(layers, stride) === blocks(layers, strideOf(layers, config)));
  return isCommon ? stride : 1;
}

/** Peft groups by the entries of a list: by the paths that `all-linear` stands for, nothing would be shared. */
function sharedTargets(targets: readonly Target[], config: LilyConfig): JsonObject {
  const { targets: patterns } = config;
  if (typeof patterns !== 'string' || patterns.toLowerCase() !== 'all-linear') return {};
  return { target_modules: [...new Set(targets.map(target => targetName(target, config)))].sort() };
}

/**
 * An adapter as peft's `LILY`, with shared tensors once for every layer. What peft has no form for is stored in the same
 * way, but as `peft_type` `LILY_EXTENDED`: Python refuses it, rather than compute something else.
 */
export function lilyFile(given: TargetValues, specs: TensorTable['specs'], config: LilyConfig): PeftAdapterFile {
  const targets = given.map(({ target }) => target);
  const withRouter = given.map(({ target, values }) => {
    const { R } = specs(target, targets);
    const zeros = R && { R: new Float32Array(R.shape.reduce((size, length) => size * length, 1)) };
    return { target, values: { ...zeros, ...values } };
  });
  return {
    tensors: writeTable(tableOf(specs), withRouter),
    config: {
      ...(!isPeftLily(targets, config) && { peft_type: 'LILY_EXTENDED' }),
      ...targetFields(config, targets),
      ...sharedTargets(targets, config),
      r: config.r,
      stride_A: commonStride(targets, config),
      num_B: config.nB,
      scaling: config.scale,
      init_weights: true,
    },
  };
}

const fields = {
  r: /* @__PURE__ */ option('Width.', value.integer({ min: 1 }), 32),
  stride_A: /* @__PURE__ */ option('How many layers share one A.', value.integer({ min: 1 }), 1),
  num_B: lilyOptions.nB,
  scaling: lilyOptions.scale,
};

/** The options that a config written by Python peft stands for. */
export function optionsOf(config: JsonObject): LilyOptions {
  const { where, r, stride_A: stride, num_B: nB, scaling } = readFields(config, fields);
  return { ...where, r, stride, nB, mixing: 'batch', scale: scaling };
}

/** The values of a target. Copies of a shared tensor must be equal. */
export function readValues(
  specs: TensorTable['specs'],
  { mixing }: LilyConfig,
  ...of: [target: Target, targets: readonly Target[], reader: TensorReader]
): Record<string, Float32Array> {
  const values = readTable(tableOf(specs), ...of);
  const { R: _, ...withoutRouter } = values;
  return mixing === 'uniform' ? withoutRouter : values;
}
