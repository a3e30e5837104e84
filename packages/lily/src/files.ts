import {
  type FileLayout,
  fromFileOrder,
  fromFloat32,
  type JsonObject,
  option,
  type PeftAdapterFile,
  plainLayout,
  type ReadAdapter,
  readFields,
  type Target,
  type TargetValues,
  type TensorReader,
  targetFields,
  toFileOrder,
  value,
} from '@peft/core';
import { type LilyConfig, type LilyOptions, lilyConfig, lilyOptions } from './config.ts';
import { lilyParameters } from './maths.ts';
import { groupOf, isBlock, strideOf, targetName } from './sharing.ts';

const peftNames: Record<string, string> = { A: 'lily_A', P: 'lily_B', R: 'lily_router' };

/** A tensor in a file: under the target's own name, and under that of the first target that shares it. */
interface Stored {
  name: string;
  key: string;
  /** Where the tensor stands for the first of the targets that share it. */
  ownerKey: string;
  layout: FileLayout;
}

/** What is stored of a target: always with a router, which for a uniform mixing is zero. A slice keeps its brackets. */
const storedOf = (target: Target, targets: readonly Target[], config: LilyConfig): Stored[] =>
  Object.entries(lilyParameters(target, targets, { ...config, mixing: 'batch' })).map(
    ([name, { shape, layout = plainLayout(shape), share = target.id }]) => {
      const [key, ownerKey] = [target.id, share].map(id => `${id}.${peftNames[name]}.weight`);
      return { name, key, ownerKey, layout };
    },
  );

/**
 * Whether peft's `LILY` computes the same (with `sample`: for one picture at a time): linear modules as a
 * whole, a router for each layer, and no choice that it does not make.
 */
const isPeftLily = (targets: readonly Target[], { mixing, pool, router }: LilyConfig): boolean =>
  mixing !== 'token' &&
  pool === 'mean-of-softmax' &&
  router === 'layer' &&
  targets.every(target => !target.slice && !isBlock(target));

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
export async function writeLily(targetValues: TargetValues, config: LilyConfig): Promise<PeftAdapterFile> {
  const targets = targetValues.map(({ target }) => target);
  const tensors = targetValues.flatMap(({ target, values }) =>
    storedOf(target, targets, config).map(({ name, key, layout }) => {
      const zeroRouter = (): Float32Array => new Float32Array(layout.shape[0] * layout.shape[1]);
      return [key, fromFloat32(toFileOrder(values[name] ?? zeroRouter(), layout), layout.shape)] as const;
    }),
  );
  return {
    tensors: new Map(tensors),
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
function optionsOf(config: JsonObject): LilyOptions {
  const { where, r, stride_A: stride, num_B: nB, scaling } = readFields(config, fields);
  return { ...where, r, stride, nB, mixing: 'batch', scale: scaling };
}

const areEqual = (a: Float32Array, b: Float32Array): boolean => a.every((value, i) => Object.is(value, b[i]));

/** Reads peft's `LILY`, or what {@link writeLily} wrote. Copies of a shared tensor must be equal. */
export function readLily(
  file: PeftAdapterFile,
  options?: LilyOptions,
): { config: LilyConfig } & Pick<ReadAdapter, 'values'> {
  const config = lilyConfig(options ?? optionsOf(file.config));
  const values = (target: Target, targets: readonly Target[], reader: TensorReader): Record<string, Float32Array> => {
    const entries = storedOf(target, targets, config).map(({ name, key, ownerKey, layout }) => {
      const data = reader.take(key, layout.shape);
      if (ownerKey !== key && !areEqual(data, reader.take(ownerKey, layout.shape))) {
        reader.report(`${key} differs from ${ownerKey}; these layers share one tensor`);
      }
      return [name, fromFileOrder(data, layout)] as const;
    });
    return Object.fromEntries(entries.filter(([name]) => name !== 'R' || config.mixing !== 'uniform'));
  };
  return { config, values };
}
