import type { Method, MethodFactory, PeftAdapterFile, ReadAdapter } from '@peft/core';
import { type LilyConfig, type LilyOptions, lilyConfig, lilyOptions } from './config.ts';
import { readLily, writeLily } from './files.ts';
import { lilyDelta, lilyDeltaWeight, lilyParameters } from './maths.ts';

const routed =
  'its router mixes the experts anew for every input, so that no one weight is the same. Only mixing "uniform" can be.';

/**
 * Low-rank adapters interconnected across layers: neighbors share A, all layers of a target share a pool of B, and routers
 * mix the pool.
 *
 * ```ts
 * await model.add('default', lily({ r: 16, nA: 2, nB: 2, modulesToSave: ['head'] }), { key: key(42) });
 * ```
 *
 * @throws PeftError `bad-config` for an option that does not exist or makes no sense
 */
export const lily: ((options?: LilyOptions) => Method<LilyConfig>) & MethodFactory<LilyOptions, Method<LilyConfig>> =
  /* @__PURE__ */ Object.assign(
    (options: LilyOptions = {}): Method<LilyConfig> => {
      const config = lilyConfig(options);
      return {
        type: 'lily',
        config,
        targets: config,
        blocks: true,
        modulesToSave: config.modulesToSave,
        parameters: (target, targets) => lilyParameters(target, targets, config),
        delta: call => lilyDelta(call, config),
        rowwise: config.mixing === 'token' || config.mixing === 'uniform',
        ...(config.mixing === 'uniform'
          ? { mergeable: true, deltaWeight: ({ parameters }) => lilyDeltaWeight(parameters, config) }
          : { mergeable: { reason: routed } }),
        files: { peftType: 'LILY', write: targets => writeLily(targets, config) },
      };
    },
    {
      type: 'lily',
      options: lilyOptions,
      peftType: 'LILY',
      read(file: PeftAdapterFile, options?: LilyOptions): ReadAdapter {
        const { config, values } = readLily(file, options);
        return { method: lily(config), values, isShared: key => /\.lily_[AB]\.weight$/.test(key) };
      },
    },
  );
