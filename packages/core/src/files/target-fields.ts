import { check } from '../errors.ts';
import { requiredTargets, savedModules } from '../method/target-options.ts';
import type { Target, TargetOptions } from '../method/targets.ts';
import { type ConfigOf, configure, type Options } from '../schema/options.ts';
import type { Json, JsonObject } from './json.ts';

const toJson = (value: string | number | readonly (string | number)[] | undefined): Json =>
  value === undefined ? null : typeof value === 'object' ? [...value] : value;

/** Names without slices, which peft does not have; the paths of all targets instead of `all-linear`. */
function targetModules(patterns: TargetOptions['targets'], targets: readonly Target[]): Json {
  if (typeof patterns !== 'string') return [...new Set(patterns.map(name => name.replace(/\[.*\]$/, '')))].sort();
  return patterns.toLowerCase() === 'all-linear' ? [...new Set(targets.map(({ path }) => path))] : patterns;
}

/** What a method adapts, in the fields of peft's `adapter_config.json`. */
export const targetFields = (options: TargetOptions, targets: readonly Target[]): JsonObject => ({
  target_modules: targetModules(options.targets, targets),
  exclude_modules: toJson(options.exclude),
  layers_to_transform: toJson(options.layers),
  layers_pattern: toJson(options.layersPattern),
});

const targetFieldOptions = {
  target_modules: requiredTargets.targets,
  exclude_modules: requiredTargets.exclude,
  layers_to_transform: requiredTargets.layers,
  layers_pattern: requiredTargets.layersPattern,
  modules_to_save: /* @__PURE__ */ savedModules(),
};

/** Whether a value is falsy in Python: `None`, `False`, 0, or empty. */
const isNothing = (found: Json | undefined): boolean =>
  !found || (typeof found === 'object' && Object.keys(found).length === 0);

/**
 * The fields of an `adapter_config.json` that Python peft wrote, checked. Others are ignored, as by Python.
 *
 * @param fields those of the method, beside those of its targets
 * @param unsupported fields that change the maths and are not implemented: refused unless they are empty
 */
export function readFields<Fields extends Options>(
  config: JsonObject,
  fields: Fields,
  unsupported: readonly string[] = [],
): ConfigOf<Fields> & { where: TargetOptions & { modulesToSave: readonly string[] } } {
  const used = unsupported.filter(field => Object.hasOwn(config, field) && !isNothing(config[field]));
  check(used.length === 0, 'not-supported', () => `it uses ${used.join(', ')}, which is not implemented here.`);
  const given = Object.fromEntries(Object.entries(config).filter(([, found]) => found !== null));
  const own = configure('its config', { ...targetFieldOptions, ...fields }, given, {
    code: 'bad-file',
    ignoreUnknown: true,
  });
  return {
    ...(own as ConfigOf<Fields>),
    where: {
      targets: own.target_modules,
      exclude: own.exclude_modules,
      layers: own.layers_to_transform,
      layersPattern: own.layers_pattern,
      modulesToSave: own.modules_to_save,
    },
  };
}
