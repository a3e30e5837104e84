import { check } from '@peft/core';
import { type ConfigOf, configure, type GivenOf, option, savedModules, targetsOf, value } from '@peft/core/method';

/** The defaults are the keys, values and MLPs of a vision transformer, as in the authors' visual adaptation. */
export const lilyOptions = {
  .../* @__PURE__ */ targetsOf(['attn.qkv[k,v]', 'mlp']),
  r: /* @__PURE__ */ option('Width between A and the experts.', value.integer({ min: 1 }), 16),
  mlpRankFactor: /* @__PURE__ */ option(
    'By how much that width is larger on a block, such as an MLP, which is adapted in parallel to all of it.',
    value.integer({ min: 1 }),
    2,
  ),
  mlpAct: /* @__PURE__ */ option(
    'What comes after A on a block; on a linear module, nothing does.',
    value.choice(['relu', 'identity']),
    'relu',
  ),
  stride: /* @__PURE__ */ option('How many neighboring layers share one A; or `nA`.', value.integer({ min: 1 })),
  nA: /* @__PURE__ */ option(
    "How many A each target has: its n layers are cut into blocks of `max(1, floor(n / nA))`, as in the authors' code; " +
      '2, unless a stride is given.',
    value.integer({ min: 1 }),
  ),
  nB: /* @__PURE__ */ option('How many experts the layers of a target share.', value.integer({ min: 2 }), 2),
  mixing: /* @__PURE__ */ option(
    'What each choice of experts is for: every `sample` (the mean over its tokens), the whole `batch` (as the released ' +
      'code and Hugging Face peft), every `token` (as the first version), or `uniform`: no router, the mean of the experts.',
    value.choice(['sample', 'batch', 'token', 'uniform']),
    'sample',
  ),
  pool: /* @__PURE__ */ option(
    'How the tokens of a sample agree: by the mean of their softmaxes, or by the softmax of their summed logits.',
    value.choice(['mean-of-softmax', 'softmax-of-sum']),
    'mean-of-softmax',
  ),
  router: /* @__PURE__ */ option(
    'Whether every layer has its own router, or a target one for all of its layers.',
    value.choice(['layer', 'target']),
    'layer',
  ),
  scale: /* @__PURE__ */ option('The update is multiplied by it.', value.number(), 1),
  modulesToSave: /* @__PURE__ */ savedModules(),
  compat: /* @__PURE__ */ option(
    'A version of the paper, as what it starts from: `lily-v1` has an A for every layer, one router for each target, and ' +
      'chooses by token; `lily-v3` chooses by batch.',
    value.choice(['lily-v1', 'lily-v3']),
  ),
};

export type LilyConfig = ConfigOf<typeof lilyOptions>;

const presets: Record<NonNullable<LilyConfig['compat']>, Partial<LilyConfig>> = {
  'lily-v1': { stride: 1, router: 'target', mixing: 'token' },
  'lily-v3': { mixing: 'batch' },
};

/** Whatever is to differ from the defaults. */
export type LilyOptions = GivenOf<typeof lilyOptions>;

/** The whole configuration, checked. A stride takes the place of the default `nA`. */
export function lilyConfig(options: LilyOptions): LilyConfig {
  const given = configure('lily', lilyOptions, options);
  const preset: Partial<LilyConfig> = given.compat ? presets[given.compat] : {};
  const chosen = Object.entries(options).filter(([, choice]) => choice !== undefined);
  const stride = options.stride ?? (options.nA === undefined ? preset.stride : undefined);
  const nA = options.nA ?? (stride === undefined ? 2 : undefined);
  const config: LilyConfig = { ...given, ...preset, ...Object.fromEntries(chosen), stride, nA };
  check(
    config.stride === undefined || config.nA === undefined,
    'bad-config',
    () => `lily: stride is ${config.stride} and nA is ${config.nA}; give one of them, each follows from the other.`,
  );
  check(
    config.pool === 'mean-of-softmax' || config.mixing === 'sample',
    'bad-config',
    () =>
      `lily: pool "${config.pool}" is about the tokens of a sample; it needs mixing "sample", not "${config.mixing}".`,
  );
  return config;
}
