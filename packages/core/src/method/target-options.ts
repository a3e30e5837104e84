import { type Option, option, required } from '../schema/options.ts';
import { either, integer, list, string } from '../schema/value.ts';
import type { RenamedTargets } from './method.ts';
import type { TargetOptions } from './targets.ts';

const targetsText =
  "Names that end a path, one regular expression, or 'all-linear'; `name[q,v]` for slices of a fused projection.";

/** The options of every method that choose its targets. */
const whereOptions = {
  exclude: /* @__PURE__ */ option(
    'Names or one regular expression, by the same rules, of what is left alone.',
    either(string(), list(string())),
  ),
  layers: /* @__PURE__ */ option(
    'Only the layers of these indices, with a list of names as targets.',
    either(integer({ min: 0 }), list(integer({ min: 0 }))),
  ),
  layersPattern: /* @__PURE__ */ option(
    'The name before the index of a layer, if paths have several indices.',
    either(string(), list(string())),
  ),
};

/** `targets`, which are the model's `defaultTargets` unless given, and the options that narrow it. */
export const openTargets = {
  targets: /* @__PURE__ */ option(
    `${targetsText} Unless given, those that the model has as its default.`,
    either(string(), list(string())),
  ),
  ...whereOptions,
};

/** The target options in another library's names. */
export const renamedOptions = ({ targets, modulesToSave }: RenamedTargets) => ({
  targets,
  modulesToSave,
  exclude: undefined,
  layers: undefined,
  layersPattern: undefined,
});

/** `targets`, which must be given, and the options that narrow it. */
export const requiredTargets = {
  targets: /* @__PURE__ */ required(targetsText, either(string(), list(string()))),
  ...whereOptions,
};

type TargetsWithDefault = { targets: Option<TargetOptions['targets']> } & typeof whereOptions;

/** `targets`, which are these unless given, and the options that narrow it. */
/* @__NO_SIDE_EFFECTS__ */
export function targetsOf(otherwise: readonly string[]): TargetsWithDefault {
  return { targets: option(targetsText, either(string(), list(string())), otherwise), ...whereOptions };
}

/** The option of every method for modules that are trained whole. */
/* @__NO_SIDE_EFFECTS__ */
export function savedModules(): Option<readonly string[]> {
  return option('Modules that are trained and saved whole, usually the classification head.', list(string()), []);
}
