import { check, quote } from '@peft/core';
import * as v from 'valibot';
import type { BackboneDefinition } from '../zoo/entry.ts';
import {
  choice,
  classes,
  count,
  depth,
  features,
  flag,
  heads,
  parse,
  patchSize,
  ratio,
  size,
  stages,
  windowSize,
  within,
} from './schema.ts';

type Architecture = BackboneDefinition['architecture'];
type Options = Readonly<Record<string, unknown>>;

/** An argument of timm's constructors that changes what is computed. */
interface Argument {
  /** The option of ours that it sets. */
  readonly option: string;
  readonly schema: v.GenericSchema;
  /** Whether the option is the opposite of the argument. */
  readonly opposite?: boolean;
}

const common: Readonly<Record<string, Argument>> = {
  img_size: { option: 'imageSize', schema: size },
  patch_size: { option: 'patchSize', schema: patchSize },
  embed_dim: { option: 'embedDim', schema: features },
  mlp_ratio: { option: 'mlpRatio', schema: ratio },
  qkv_bias: { option: 'qkvBias', schema: flag },
  num_classes: { option: 'classes', schema: classes },
};

const known: Readonly<Record<Architecture, Readonly<Record<string, Argument>>>> = {
  vit: {
    ...common,
    depth: { option: 'depth', schema: depth },
    num_heads: { option: 'heads', schema: heads },
    global_pool: { option: 'globalPool', schema: choice('token', 'avg') },
    class_token: { option: 'classToken', schema: flag },
    reg_tokens: { option: 'registerTokens', schema: count(0, 1024) },
    no_embed_class: { option: 'embedPrefix', schema: flag, opposite: true },
    init_values: { option: 'layerScale', schema: within(-1e6, 1e6) },
    fc_norm: { option: 'fcNorm', schema: flag },
  },
  swin: {
    ...common,
    depths: { option: 'depths', schema: stages(1, 128) },
    num_heads: { option: 'heads', schema: stages(1, 1024) },
    window_size: { option: 'windowSize', schema: windowSize },
  },
};

/** Arguments that change what is computed, and of which one value is supported: timm's default. */
const fixed: Readonly<Record<Architecture, Options>> = {
  vit: {
    in_chans: 3,
    qk_norm: false,
    scale_attn_norm: false,
    scale_mlp_norm: false,
    proj_bias: true,
    pos_embed: 'learn',
    pre_norm: false,
    final_norm: true,
    pool_include_prefix: false,
    act_layer: 'gelu',
  },
  swin: { in_chans: 3, always_partition: false, global_pool: 'avg' },
};

/** Arguments that matter only in training, or for other sizes than the model's. */
const ignored =
  /^((drop|pos_drop|patch_drop|proj_drop|attn_drop|drop_path)_rate|weight_init|fix_init|dynamic_img_(size|pad)|strict_img_size)$/;

/**
 * The options of ours that timm's `model_args` set.
 *
 * @param source where they stand, for errors
 * @throws PeftError `not-supported` for an argument, or its value, that would make another model; `bad-config`
 */
export function readArguments(args: Options, architecture: Architecture, source: string): Options {
  const options: Record<string, unknown> = {};
  const unknown: string[] = [];
  for (const [name, value] of Object.entries(args)) {
    if (value === null || value === undefined || ignored.test(name)) continue;
    const argument = Object.hasOwn(known[architecture], name) ? known[architecture][name] : undefined;
    if (Object.hasOwn(fixed[architecture], name)) {
      const only = fixed[architecture][name];
      const isSame = value === only;
      check(isSame, 'not-supported', () => `${source}: ${name} is ${quote(value)}; only ${quote(only)} is supported.`);
    } else if (argument) {
      const { option, schema, opposite } = argument;
      const found = parse(v.object({ [name]: schema }), { [name]: value }, source)[name];
      options[option] = opposite ? !found : found;
    } else {
      unknown.push(name);
    }
  }
  check(unknown.length === 0, 'not-supported', () => {
    const names = Object.keys(known[architecture]).join(', ');
    return `${source}: ${unknown.slice(0, 8).map(quote).join(', ')} not supported for a ${architecture}; known: ${names}.`;
  });
  return options;
}

const asArgument = (value: unknown): unknown =>
  Array.isArray(value) && value.length === 2 && value[0] === value[1] ? value[0] : value;

/**
 * The `model_args` with which timm builds a model of these options: what was said before, as it is now, and what differs
 * from the architecture.
 *
 * @param before the arguments of the file that the model came from
 * @param usual the architecture's options
 */
export function writeArguments(options: Options, before: Options, usual: Options, architecture: Architecture): Options {
  const args: Record<string, unknown> = { ...before };
  for (const [name, { option, opposite }] of Object.entries(known[architecture])) {
    const differs = String(options[option]) !== String(usual[option]);
    if (name === 'num_classes' ? !(name in before) : !(name in before) && !differs) continue;
    const value = opposite ? !options[option] : options[option];
    args[name] = option === 'imageSize' ? asArgument(value) : value;
  }
  return args;
}
