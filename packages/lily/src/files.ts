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
  type Site,
  type SiteValues,
  type TensorReader,
  targetFields,
  toFileOrder,
  value,
} from '@peft/core';
import { type LilyConfig, type LilyOptions, lilyConfig, lilyOptions } from './config.ts';
import { lilyParameters } from './maths.ts';
import { groupOf, isBlock, strideOf, targetName } from './sharing.ts';

const peftNames: Record<string, string> = { A: 'lily_A', P: 'lily_B', R: 'lily_router' };

/** A tensor in a file: under the site's own name, and under that of the first site that shares it. */
interface Stored {
  name: string;
  key: string;
  /** Where the tensor stands for the first of the sites that share it. */
  ownerKey: string;
  layout: FileLayout;
}

/** What is stored of a site: always with a router, which for a uniform mixing is zero. A slice keeps its brackets. */
const storedOf = (site: Site, sites: readonly Site[], config: LilyConfig): Stored[] =>
  Object.entries(lilyParameters(site, sites, { ...config, mixing: 'batch' })).map(
    ([name, { shape, layout = plainLayout(shape), share = site.id }]) => {
      const [key, ownerKey] = [site.id, share].map(id => `${id}.${peftNames[name]}.weight`);
      return { name, key, ownerKey, layout };
    },
  );

/**
 * Whether peft's `LILY` computes the same (with `sample`: for one picture at a time): linear modules as a
 * whole, a router for each layer, and no choice that it does not make.
 */
const isPeftLily = (sites: readonly Site[], { mixing, pool, router }: LilyConfig): boolean =>
  mixing !== 'token' &&
  pool === 'mean-of-softmax' &&
  router === 'layer' &&
  sites.every(site => !site.slice && !isBlock(site));

/** The one stride that cuts every group as it is cut; 1, with which layers share by equal values only, if none does. */
function commonStride(sites: readonly Site[], config: LilyConfig): number {
  const blocks = (layers: number, stride: number): string =>
    Array.from({ length: layers }, (_, i) => Math.floor(i / stride)).join();
  const groups = sites.map(site => groupOf(site, sites, config).length);
  const stride = Math.max(...groups.map(layers => strideOf(layers, config)));
  const isCommon = groups.every(layers => blocks(layers, stride) === blocks(layers, strideOf(layers, config)));
  return isCommon ? stride : 1;
}

/** Peft groups by the entries of a list: by the paths that `all-linear` stands for, nothing would be shared. */
function sharedTargets(sites: readonly Site[], config: LilyConfig): JsonObject {
  const { targets } = config;
  if (typeof targets !== 'string' || targets.toLowerCase() !== 'all-linear') return {};
  return { target_modules: [...new Set(sites.map(site => targetName(site, config)))].sort() };
}

/**
 * An adapter as peft's `LILY`, with shared tensors once for every layer. What peft has no form for is stored in the same
 * way, but as `peft_type` `LILY_EXTENDED`: Python refuses it, rather than compute something else.
 */
export async function writeLily(siteValues: SiteValues, config: LilyConfig): Promise<PeftAdapterFile> {
  const sites = siteValues.map(({ site }) => site);
  const tensors = siteValues.flatMap(({ site, values }) =>
    storedOf(site, sites, config).map(({ name, key, layout }) => {
      const zeroRouter = (): Float32Array => new Float32Array(layout.shape[0] * layout.shape[1]);
      return [key, fromFloat32(toFileOrder(values[name] ?? zeroRouter(), layout), layout.shape)] as const;
    }),
  );
  return {
    tensors: new Map(tensors),
    config: {
      ...(!isPeftLily(sites, config) && { peft_type: 'LILY_EXTENDED' }),
      ...targetFields(config, sites),
      ...sharedTargets(sites, config),
      r: config.r,
      stride_A: commonStride(sites, config),
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
  const values = (site: Site, sites: readonly Site[], reader: TensorReader): Record<string, Float32Array> => {
    const entries = storedOf(site, sites, config).map(({ name, key, ownerKey, layout }) => {
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
