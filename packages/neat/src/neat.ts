import type { Method, MethodFactory, PeftAdapterFile, ReadAdapter } from '@peft/core';
import { type NeatConfig, type NeatOptions, neatConfig, neatOptions } from './config.ts';
import { readNeat, writeNeat } from './files.ts';
import { neatDelta, neatDeltaWeight, neatParameters } from './maths.ts';

/**
 * Nonlinear adaptation of linear modules: the update is a small network of the frozen weight.
 *
 * ```ts
 * await model.add('default', neat({ r: 7, pairs: 2, modulesToSave: ['head'] }), { key: key(42) });
 * ```
 *
 * @throws PeftError `bad-config` for an option that does not exist or makes no sense
 */
export const neat: ((options?: NeatOptions) => Method<NeatConfig>) & MethodFactory<NeatOptions, Method<NeatConfig>> =
  /* @__PURE__ */ Object.assign(
    (options: NeatOptions = {}): Method<NeatConfig> => {
      const config = neatConfig(options);
      return {
        type: 'neat',
        config,
        targets: config,
        modulesToSave: config.modulesToSave,
        parameters: target => neatParameters(target, config),
        delta: call => neatDelta(call, config),
        rowwise: true,
        mergeable: true,
        deltaWeight: call => neatDeltaWeight(call, config),
        files: { peftType: 'PEANUT', write: targets => writeNeat(targets, config) },
      };
    },
    {
      type: 'neat',
      options: neatOptions,
      peftType: 'PEANUT',
      read(file: PeftAdapterFile, options?: NeatOptions): ReadAdapter {
        const { config, values } = readNeat(file, options);
        return { method: neat(config), values };
      },
    },
  );
