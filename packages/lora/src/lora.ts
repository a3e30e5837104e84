import type { Method, MethodFactory, PeftAdapterFile, ReadAdapter, Site } from '@peft/core';
import { type LoraConfig, type LoraOptions, loraConfig, loraOptions } from './config.ts';
import { readLora, writeLora } from './files.ts';
import { loraDelta, loraDeltaWeight, loraParameters, prepareLora } from './maths.ts';

/**
 * Low-rank adaptation of linear modules.
 *
 * ```ts
 * await model.add(lora({ r: 8, targets: ['attn.qkv[q,v]'], modulesToSave: ['head'] }));
 * ```
 *
 * @throws PeftError `bad-config` for an option that does not exist or makes no sense
 */
export const lora: ((options?: LoraOptions) => Method<LoraConfig>) & MethodFactory<LoraOptions> =
  /* @__PURE__ */ Object.assign(
    (options: LoraOptions = {}): Method<LoraConfig> => {
      if (options.targets === undefined) {
        const withTargets = (targets: readonly string[]): Method<LoraConfig> => lora({ ...options, targets });
        return { ...withTargets([]), targets: undefined, withTargets };
      }
      const config = loraConfig(options);
      return {
        type: 'lora',
        config,
        targets: config,
        patterns: { rankPattern: config.rankPattern, alphaPattern: config.alphaPattern },
        convolutions: true,
        modulesToSave: config.modulesToSave,
        bias: config.bias === 'lora_only' ? 'adapted' : config.bias,
        parameters: site => loraParameters(site, config),
        delta: call => loraDelta(call, config),
        rowwise: true,
        unmergeable: undefined,
        deltaWeight: ({ parameters, site, weight }) => loraDeltaWeight(parameters, site, config, weight),
        ...((config.dora || config.init === 'pissa') && {
          prepare: (site: Site, weight: Float32Array) => prepareLora(site, weight, config),
        }),
        files: { peftType: 'LORA', write: sites => writeLora(sites, config) },
      };
    },
    {
      type: 'lora',
      options: loraOptions,
      peftType: 'LORA',
      read(file: PeftAdapterFile, options?: LoraOptions): ReadAdapter {
        const { config, values } = readLora(file, options);
        return { method: lora(config), values };
      },
    },
  );
