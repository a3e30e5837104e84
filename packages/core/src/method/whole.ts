import { check } from '../errors.ts';
import { configure, type GivenOf, required } from '../schema/options.ts';
import { list, text } from '../schema/value.ts';
import type { Method, MethodFactory } from './method.ts';

const wholeOptions = {
  modulesToSave: /* @__PURE__ */ required(
    'Modules that are trained and saved whole, by name; `*` for all of the model.',
    list(text()),
  ),
};

export type WholeOptions = GivenOf<typeof wholeOptions>;

/**
 * The baselines: trains whole modules and adapts nothing. With the classification head it is linear probing, with `*` full
 * fine-tuning; either way the model itself stays as it is.
 */
export const whole: MethodFactory<WholeOptions> = /* @__PURE__ */ Object.assign(
  (options: WholeOptions): Method<WholeOptions> => {
    const config = configure('whole', wholeOptions, options);
    check(config.modulesToSave.length > 0, 'bad-config', () => 'whole: modulesToSave is empty; name what to train.');
    return {
      type: 'whole',
      config,
      targets: undefined,
      modulesToSave: config.modulesToSave,
      parameters: () => ({}),
      delta: ({ base }) => base(),
      rowwise: true,
      unmergeable: undefined,
    };
  },
  { type: 'whole', options: wholeOptions },
);
