import { check, checkChoice, type TargetOptions, withDefaults } from '@peft/core';

export interface LoraConfig extends TargetOptions {
  /** Rank of the update: the width between A and B. */
  r: number;
  /** The update is multiplied by `alpha / r`, or by `alpha / sqrt(r)` with `rslora`. */
  alpha: number;
  /** Rank-stabilised scaling (Kalajdzievski 2023, arXiv 2312.03732). */
  rslora: boolean;
  /** Probability with which dropout zeroes an element in training. */
  dropout: number;
  /** What dropout acts on: `x A`, as in the vision papers' code, or `x`, as in Hugging Face peft. */
  dropoutAt: 'bottleneck' | 'input';
  /**
   * How A and B start. `default`: A uniform as PyTorch's linear layers, B zero; `gaussian`: A normal with deviation 1/r,
   * B zero; `zero`: A zero, B uniform; `pissa`: the principal singular vectors of the frozen weight, which is replaced by
   * the rest (Meng et al. 2024, arXiv 2404.02948).
   */
  init: 'default' | 'gaussian' | 'zero' | 'pissa';
  /** Other ranks by a regular expression that ends a path: `{ 'blocks.0.attn.qkv': 16 }`. */
  rankPattern: Record<string, number>;
  alphaPattern: Record<string, number>;
  /** Which biases of the base are trained along. */
  bias: 'none' | 'all' | 'lora_only';
  /** Weight decomposition: a trained length for each output column (Liu et al. 2024, arXiv 2402.09353). */
  dora: boolean;
  /** Modules that are trained and saved whole, usually the classification head. */
  modulesToSave: string[];
}

/** Every option but `targets`; those of Hugging Face peft where it has them. */
export const loraDefaults: Omit<LoraConfig, 'targets'> = {
  exclude: undefined,
  layers: undefined,
  layersPattern: undefined,
  r: 8,
  alpha: 8,
  rslora: false,
  dropout: 0,
  dropoutAt: 'bottleneck',
  init: 'default',
  rankPattern: {},
  alphaPattern: {},
  bias: 'none',
  dora: false,
  modulesToSave: [],
};

/** `targets` and whatever is to differ from {@link loraDefaults}. */
export type LoraOptions = Partial<LoraConfig> & Pick<LoraConfig, 'targets'>;

/** The whole configuration, checked. */
export function loraConfig(options: LoraOptions): LoraConfig {
  const config = withDefaults<LoraConfig>('lora', { targets: [], ...loraDefaults }, options);
  for (const [where, r] of [['r', config.r] as const, ...Object.entries(config.rankPattern)]) {
    check(
      Number.isInteger(r) && r > 0,
      'bad-config',
      () => `lora: the rank of ${where} is ${r}; it must be a positive integer.`,
    );
  }
  for (const [where, alpha] of [['alpha', config.alpha] as const, ...Object.entries(config.alphaPattern)]) {
    check(Number.isFinite(alpha), 'bad-config', () => `lora: alpha of ${where} is ${alpha}; it must be a number.`);
  }
  check(
    config.dropout >= 0 && config.dropout < 1,
    'bad-config',
    () => `lora: dropout is ${config.dropout}; it must be in [0, 1).`,
  );
  checkChoice('lora', 'dropoutAt', config.dropoutAt, ['bottleneck', 'input']);
  checkChoice('lora', 'init', config.init, ['default', 'gaussian', 'zero', 'pissa']);
  checkChoice('lora', 'bias', config.bias, ['none', 'all', 'lora_only']);
  check(
    !(config.dora && config.init === 'pissa'),
    'bad-config',
    () => 'lora: dora and init "pissa" cannot be combined.',
  );
  return config;
}
