import { check, checkChoice, type TargetOptions, withDefaults } from '@peft/core';

export interface LilyConfig extends TargetOptions {
  /** Width between A and the experts. */
  r: number;
  /** By how much that width is larger on a block, such as an MLP, which is adapted in parallel to all of it. */
  mlpRankFactor: number;
  /** What comes after A on a block; on a linear module, nothing does. */
  mlpAct: 'relu' | 'identity';
  /** How many neighbouring layers share one A; or `nA`. */
  stride: number | undefined;
  /** How many A each target has: its n layers are cut into blocks of `max(1, floor(n / nA))`, as in the authors' code. */
  nA: number | undefined;
  /** How many experts the layers of a target share. */
  nB: number;
  /**
   * What each choice of experts is for: every `sample` (the mean over its tokens), the whole `batch` (as the released code
   * and Hugging Face peft), every `token` (as the first version), or `uniform`: no router, the mean of the experts.
   */
  mixing: 'sample' | 'batch' | 'token' | 'uniform';
  /** How the tokens of a sample agree: by the mean of their softmaxes, or by the softmax of their summed logits. */
  pool: 'mean-of-softmax' | 'softmax-of-sum';
  /** Whether every layer has its own router, or a target one for all of its layers. */
  router: 'layer' | 'target';
  /** The update is multiplied by it. */
  scale: number;
  /** Modules that are trained and saved whole, usually the classification head. */
  modulesToSave: string[];
  /**
   * A version of the paper, as what it starts from: `lily-v1` has an A for every layer, one router for each target, and
   * chooses by token; `lily-v3` chooses by batch.
   */
  compat: 'lily-v1' | 'lily-v3' | undefined;
}

/** The keys, values and MLPs of a vision transformer, as in the authors' visual adaptation. */
export const lilyDefaults: LilyConfig = {
  targets: ['attn.qkv[k,v]', 'mlp'],
  exclude: undefined,
  layers: undefined,
  layersPattern: undefined,
  r: 16,
  mlpRankFactor: 2,
  mlpAct: 'relu',
  stride: undefined,
  nA: 2,
  nB: 2,
  mixing: 'sample',
  pool: 'mean-of-softmax',
  router: 'layer',
  scale: 1,
  modulesToSave: [],
  compat: undefined,
};

const presets: Record<NonNullable<LilyConfig['compat']>, Partial<LilyConfig>> = {
  'lily-v1': { stride: 1, router: 'target', mixing: 'token' },
  'lily-v3': { mixing: 'batch' },
};

/** Whatever is to differ from {@link lilyDefaults}. */
export type LilyOptions = Partial<LilyConfig>;

const atLeast = (name: string, value: number, least: number): void =>
  check(
    Number.isInteger(value) && value >= least,
    'bad-config',
    () => `lily: ${name} is ${value}; it must be a whole number of ${least} or more.`,
  );

/** The whole configuration, checked. A stride takes the place of the default `nA`. */
export function lilyConfig(options: LilyOptions): LilyConfig {
  const { compat } = options;
  if (compat !== undefined) checkChoice('lily', 'compat', compat, Object.keys(presets));
  const preset = compat ? presets[compat] : {};
  const stride = options.stride ?? (options.nA === undefined ? preset.stride : undefined);
  const sharing = { stride, nA: stride === undefined ? lilyDefaults.nA : undefined };
  const config = withDefaults<LilyConfig>('lily', { ...lilyDefaults, ...preset, ...sharing }, options);
  check(
    config.stride === undefined || config.nA === undefined,
    'bad-config',
    () => `lily: stride is ${config.stride} and nA is ${config.nA}; give one of them, each follows from the other.`,
  );
  atLeast('r', config.r, 1);
  atLeast('mlpRankFactor', config.mlpRankFactor, 1);
  atLeast('stride', config.stride ?? 1, 1);
  atLeast('nA', config.nA ?? 1, 1);
  atLeast('nB', config.nB, 2);
  checkChoice('lily', 'mlpAct', config.mlpAct, ['relu', 'identity']);
  checkChoice('lily', 'mixing', config.mixing, ['sample', 'batch', 'token', 'uniform']);
  checkChoice('lily', 'pool', config.pool, ['mean-of-softmax', 'softmax-of-sum']);
  checkChoice('lily', 'router', config.router, ['layer', 'target']);
  check(Number.isFinite(config.scale), 'bad-config', () => `lily: scale is ${config.scale}; it must be a number.`);
  check(
    config.pool === 'mean-of-softmax' || config.mixing === 'sample',
    'bad-config',
    () =>
      `lily: pool "${config.pool}" is about the tokens of a sample; it needs mixing "sample", not "${config.mixing}".`,
  );
  return config;
}
