import { check } from '../errors.ts';
import { configure, type GivenOf, required } from '../schema/options.ts';
import { list, string } from '../schema/value.ts';
import type { Method, MethodFactory } from './method.ts';

const trainModulesOptions = {
  modulesToSave: /* @__PURE__ */ required(
    'Modules that are trained and saved whole, by name; `*` for all of the model.',
    list(string()),
  ),
};

export type TrainModulesOptions = GivenOf<typeof trainModulesOptions>;

/**
 * The baselines: trains whole modules and adapts none. With the classification head it is linear probing, with `*` full
 * fine-tuning. The base weights do not change: the adapter trains copies.
 */
export const trainModules: MethodFactory<
  TrainModulesOptions,
  Method<TrainModulesOptions>
> = /* @__PURE__ */ Object.assign(
  (options: TrainModulesOptions): Method<TrainModulesOptions> => {
    const config = configure('trainModules', trainModulesOptions, options);
    check(
      config.modulesToSave.length > 0,
      'bad-config',
      () => 'trainModules: modulesToSave is empty; name what to train.',
    );
    return {
      type: 'trainModules',
      config,
      targets: undefined,
      modulesToSave: config.modulesToSave,
      parameters: () => ({}),
      delta: ({ baseOutput }) => baseOutput(),
      rowwise: true,
      mergeable: true,
    };
  },
  { type: 'trainModules', options: trainModulesOptions },
);
