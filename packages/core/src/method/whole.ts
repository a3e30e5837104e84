import { check } from '../errors.ts';
import { withDefaults } from './config.ts';
import type { Method, MethodFactory } from './method.ts';

export interface WholeOptions {
  /** Modules that are trained and saved whole, by name; `*` for all of the model. */
  modulesToSave: string[];
}

/**
 * The baselines: trains whole modules and adapts nothing. With the classification head it is linear probing, with `*` full
 * fine-tuning; either way the model itself stays as it is.
 */
export const whole: MethodFactory<WholeOptions> = /* @__PURE__ */ Object.assign(
  (options: WholeOptions): Method<WholeOptions> => {
    const config = withDefaults<WholeOptions>('whole', { modulesToSave: [] }, options);
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
  { type: 'whole' },
);
