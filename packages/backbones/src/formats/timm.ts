import { PeftError } from '@peft/core';
import type { Preprocessing } from '../preprocessing.ts';
import type { BackboneDefinition } from '../zoo/entry.ts';
import { lookupBackbone } from '../zoo/zoo.ts';
import type { DescribedBackbone } from './described.ts';
import { Fields, labelsOf } from './fields.ts';

type Changes = Record<string, unknown>;
type Reader = (args: Fields, name: string) => Changes;

const number =
  (ours: string): Reader =>
  (args, name) => ({ [ours]: args.number(name) });

const boolean =
  (ours: string): Reader =>
  (args, name) => ({ [ours]: args.boolean(name) });

/** Arguments of timm's constructors that change what is computed, as ours. */
const readers = (architecture: BackboneDefinition['architecture']): Record<string, Reader> => ({
  img_size: (args, name) => ({ imageSize: args.size(name) }),
  patch_size: number('patchSize'),
  embed_dim: number('embedDim'),
  mlp_ratio: number('mlpRatio'),
  qkv_bias: boolean('qkvBias'),
  num_classes: number('classes'),
  ...(architecture === 'vit'
    ? {
        depth: number('depth'),
        num_heads: number('heads'),
        global_pool: (args, name) => ({ globalPool: args.string(name) }),
        class_token: boolean('classToken'),
        reg_tokens: number('registerTokens'),
        no_embed_class: (args, name) => ({ embedPrefix: !args.boolean(name) }),
        init_values: (args, name) => ({ layerScale: args.number(name) }),
        fc_norm: boolean('fcNorm'),
      }
    : {
        depths: (args, name) => ({ depths: args.numbers(name) }),
        num_heads: (args, name) => ({ heads: args.numbers(name) }),
        window_size: number('windowSize'),
      }),
});

/** Arguments that matter only in training, or for other sizes than the model's. */
const ignored =
  /^((drop|pos_drop|patch_drop|proj_drop|attn_drop|drop_path)_rate|weight_init|fix_init|dynamic_img_(size|pad)|strict_img_size)$/;

function readArguments(args: Fields, architecture: BackboneDefinition['architecture']): Changes {
  const known = readers(architecture);
  const names = Object.keys(args.values).filter(name => args.has(name) && !ignored.test(name));
  const unknown = names.filter(name => !Object.hasOwn(known, name));
  if (unknown.length > 0) {
    throw new PeftError(
      'not-supported',
      `${args.source}: ${unknown.join(', ')} not supported for a ${architecture}; known: ${Object.keys(known).join(', ')}.`,
    );
  }
  return Object.assign({}, ...names.map(name => known[name](args, name)));
}

const oneOf = <T extends string>(fields: Fields, name: string, known: readonly T[], fallback: T): T => {
  const found = known.find(value => value === fields.string(name, fallback));
  if (found) return found;
  throw new PeftError('not-supported', `${fields.source}: ${name} is none of ${known.join(', ')}.`);
};

function readPreprocessing(pretrained: Fields, usual: Preprocessing): Preprocessing {
  const interpolations = ['bicubic', 'bilinear', 'lanczos', 'box', 'nearest'] as const;
  return {
    inputSize: pretrained.channels('input_size', usual.inputSize),
    interpolation: oneOf(pretrained, 'interpolation', interpolations, usual.interpolation),
    cropPct: pretrained.number('crop_pct', usual.cropPct),
    cropMode: oneOf(pretrained, 'crop_mode', ['center', 'squash', 'border'], usual.cropMode),
    mean: pretrained.channels('mean', usual.mean),
    std: pretrained.channels('std', usual.std),
  };
}

/**
 * Reads the `config.json` of timm's folders on the Hub: a known architecture, what differs from it, and its pictures.
 *
 * @param source the file's name, for errors
 */
export function describeTimm(json: unknown, source: string): DescribedBackbone {
  const config = new Fields(json, source);
  const pretrained = config.has('pretrained_cfg') ? config.child('pretrained_cfg') : config;
  const name = config.string('architecture');
  const found = lookupBackbone(name);
  const preprocessing = readPreprocessing(pretrained, found.preprocessing);
  const args = config.has('model_args') ? config.child('model_args') : new Fields({}, source);
  const [, height, width] = preprocessing.inputSize;
  const common: Changes = {
    imageSize: [height, width],
    ...(config.has('num_classes') && { classes: config.number('num_classes') }),
    ...(found.architecture === 'vit' && config.has('global_pool') && { globalPool: config.string('global_pool') }),
  };
  const changes = { ...common, ...readArguments(args, found.architecture) };
  const definition: BackboneDefinition =
    found.architecture === 'vit'
      ? { architecture: 'vit', config: { ...found.config, ...changes }, preprocessing }
      : { architecture: 'swin', config: { ...found.config, ...changes }, preprocessing };
  return { name, definition, labels: labelsOf(config, 'label_names') };
}
