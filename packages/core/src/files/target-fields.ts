import { check } from '../errors.ts';
import type { Site, TargetOptions } from '../method/targets.ts';
import type { Json, JsonObject } from './adapter-file.ts';

const toJson = (value: string | number | readonly (string | number)[] | undefined): Json =>
  value === undefined ? null : typeof value === 'object' ? [...value] : value;

/** Names without those of slices, which peft does not know; in place of `all-linear`, what it stood for. */
function targetModules(targets: TargetOptions['targets'], sites: readonly Site[]): Json {
  if (typeof targets !== 'string') return [...new Set(targets.map(name => name.replace(/\[.*\]$/, '')))].sort();
  return targets.toLowerCase() === 'all-linear' ? [...new Set(sites.map(({ path }) => path))] : targets;
}

/** What a method adapts, in the fields of peft's `adapter_config.json`. */
export const targetFields = (options: TargetOptions, sites: readonly Site[]): JsonObject => ({
  target_modules: targetModules(options.targets, sites),
  exclude_modules: toJson(options.exclude),
  layers_to_transform: toJson(options.layers),
  layers_pattern: toJson(options.layersPattern),
});

/** What the fields of an `adapter_config.json` that Python peft wrote ask to adapt. */
export function targetOptions(config: JsonObject): TargetOptions {
  const { target_modules: targets } = config;
  check(targets, 'bad-file', () => 'adapter_config.json has no target_modules.');
  return {
    targets: targets as TargetOptions['targets'],
    exclude: (config.exclude_modules ?? undefined) as TargetOptions['exclude'],
    layers: (config.layers_to_transform ?? undefined) as TargetOptions['layers'],
    layersPattern: (config.layers_pattern ?? undefined) as TargetOptions['layersPattern'],
  };
}
