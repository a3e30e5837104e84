import { check, type TargetOptions } from '@peft/core';
import { type ConfigOf, configure, type GivenOf, openTargets, option, savedModules, value } from '@peft/core/method';

export const loraOptions = {
  ...openTargets,
  r: /* @__PURE__ */ option('Rank of the update: the width between A and B.', value.integer({ min: 1 }), 8),
  alpha: /* @__PURE__ */ option(
    'The update is multiplied by `alpha / r`, or by `alpha / sqrt(r)` with `rslora`.',
    value.number(),
    8,
  ),
  rslora: /* @__PURE__ */ option(
    'Rank-stabilized scaling (Kalajdzievski 2023, arXiv 2312.03732).',
    value.boolean(),
    false,
  ),
  dropout: /* @__PURE__ */ option(
    'Probability with which dropout zeroes an element in training.',
    value.number({ min: 0, below: 1 }),
    0,
  ),
  dropoutAt: /* @__PURE__ */ option(
    "What dropout acts on: `x A`, as in the vision papers' code, or `x`, as in Hugging Face peft.",
    value.choice(['bottleneck', 'input']),
    'bottleneck',
  ),
  init: /* @__PURE__ */ option(
    "How A and B start: A uniform as PyTorch's linear layers, B zero (`default`); A normal with deviation 1/r, B zero " +
      '(`gaussian`); A zero, B uniform (`zero`); the principal singular vectors of the frozen weight, which is replaced ' +
      'by the rest (`pissa`, Meng et al. 2024, arXiv 2404.02948).',
    value.choice(['default', 'gaussian', 'zero', 'pissa']),
    'default',
  ),
  rankPattern: /* @__PURE__ */ option(
    "Other ranks by a regular expression that ends a path: `{ 'blocks.0.attn.qkv': 16 }`.",
    value.table(value.integer({ min: 1 })),
    {},
  ),
  alphaPattern: /* @__PURE__ */ option(
    'Other values of alpha by a regular expression that ends a path.',
    value.table(value.number()),
    {},
  ),
  bias: /* @__PURE__ */ option(
    'Which biases of the base are trained along.',
    value.choice(['none', 'all', 'lora_only']),
    'none',
  ),
  dora: /* @__PURE__ */ option(
    'Weight decomposition: a trained norm for each output column (Liu et al. 2024, arXiv 2402.09353).',
    value.boolean(),
    false,
  ),
  modulesToSave: /* @__PURE__ */ savedModules(),
};

export type LoraConfig = ConfigOf<typeof loraOptions> & TargetOptions;

/** Whatever is to differ from the defaults. */
export type LoraOptions = GivenOf<typeof loraOptions>;

/** The whole configuration, checked. */
export function loraConfig(options: LoraOptions): LoraConfig {
  const { targets, ...config } = configure('lora', loraOptions, options);
  check(
    targets !== undefined,
    'bad-config',
    () => `lora: targets is missing; it must be ${loraOptions.targets.value.expected}.`,
  );
  check(
    !(config.dora && config.init === 'pissa'),
    'bad-config',
    () => 'lora: dora and init "pissa" cannot be combined.',
  );
  return { targets, ...config };
}
