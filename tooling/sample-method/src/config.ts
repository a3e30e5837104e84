import {
  type ConfigOf,
  configure,
  type GivenOf,
  option,
  requiredTargets,
  savedModules,
  value,
} from '@peft/core/method';

export const sampleOptions = {
  ...requiredTargets,
  scale: /* @__PURE__ */ option('The update is multiplied by it.', value.number(), 1),
  modulesToSave: /* @__PURE__ */ savedModules(),
};

export type SampleConfig = ConfigOf<typeof sampleOptions>;

/** `targets` and whatever is to differ from the defaults. */
export type SampleOptions = GivenOf<typeof sampleOptions>;

/** The whole configuration, checked. */
export const sampleConfig = (options: SampleOptions): SampleConfig => configure('sample', sampleOptions, options);
