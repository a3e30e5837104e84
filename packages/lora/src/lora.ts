import type { Method, MethodFactory, Target } from '@peft/core';
import type { PeftAdapterFile, ReadAdapter } from '@peft/core/method';
import { type LoraConfig, type LoraOptions, loraConfig, loraOptions } from './config.ts';
import { loraPart, readLora, renamedLora, writeLora } from './files.ts';
import { type LoraTensors, loraDelta, loraDeltaWeight, loraFromWeight, loraParameters } from './maths.ts';

/** The method that `lora` makes. */
export type LoraMethod = Method<LoraConfig, LoraTensors>;

/**
 * Low-rank adaptation of linear modules.
 *
 * ```ts
 * await model.add(lora({ r: 8, targets: ['attn.qkv[q,v]'], modulesToSave: ['head'] }));
 * ```
 *
 * @throws PeftError `bad-config` for an option that does not exist or makes no sense
 */
export const lora: ((options?: LoraOptions) => LoraMethod) & MethodFactory<LoraOptions, LoraMethod> =
  /* @__PURE__ */ Object.assign(
    (options: LoraOptions = {}): LoraMethod => {
      if (options.targets === undefined) {
        const withTargets = (targets: readonly string[]): LoraMethod => lora({ ...options, targets });
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
        parameters: target => loraParameters(target, config),
        delta: call => loraDelta(call, config),
        rowwise: true,
        mergeable: true,
        deltaWeight: ({ parameters, target, weight }) => loraDeltaWeight(parameters, target, config, weight),
        ...((config.dora || config.init === 'pissa') && {
          initFromWeight: (target: Target, weight: Float32Array) => loraFromWeight(target, weight, config),
        }),
        files: {
          peftType: 'LORA',
          write: targets => writeLora(targets, config),
          renamed: names => lora(renamedLora(config, names)),
          part: loraPart,
        },
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
