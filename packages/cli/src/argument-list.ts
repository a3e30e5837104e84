import type { Json } from '@peft/core';
import * as v from 'valibot';
import {
  type Argument,
  checksOf,
  choice,
  configOnly,
  type DescribedArgument,
  number,
  text,
  texts,
  toggle,
} from './argument.ts';
import { parseSettings } from './settings.ts';

const positive = v.pipe(v.number(), v.gtValue(0, 'must be positive'));
const notNegative = v.pipe(v.number(), v.minValue(0, 'must not be negative'));
const whole = v.pipe(v.number(), v.integer('must be an integer'), v.minValue(0, 'must not be negative'));
const atLeastOne = v.pipe(v.number(), v.integer('must be an integer'), v.minValue(1, 'must be 1 or more'));
const rate = v.pipe(v.number(), v.minValue(0, 'must be in [0, 1)'), v.ltValue(1, 'must be in [0, 1)'));
const oneOrMore = v.union([
  v.array(v.string()),
  v.pipe(
    v.string(),
    v.transform(name => [name]),
  ),
]);

/** One regular expression, `all-linear`, or a list of names. */
const targetNames = v.pipe(
  oneOrMore,
  v.transform((names): string | string[] => {
    const [first, second] = names;
    const isPattern = /[\\^$*+?()|{}]/.test(first) || first.toLowerCase() === 'all-linear';
    return second === undefined && isPattern ? first : names;
  }),
);

/** `name=value` from flags, or an object from a configuration file. */
const settings = v.union([
  v.pipe(v.array(v.string()), v.transform(parseSettings)),
  v.record(
    v.string(),
    v.custom<Json>(() => true),
  ),
]);

/** What `compare` may be told of one of its methods alone. */
const perMethod = {
  lr: number('<rate>', 'learning rate', v.optional(positive)),
  set: texts('<name=value>', 'options of the method, as `peft methods NAME` lists them', v.optional(settings)),
  targets: texts(
    '<name>',
    'what to adapt: names, one regular expression, or slices such as attn.qkv[q,v]',
    v.optional(targetNames),
  ),
  cacheFeatures: number(
    '[GB]',
    'compute what lies below all adapters once for each picture, within this memory (4 GB)',
    v.optional(
      v.union([
        positive,
        v.pipe(
          v.boolean(),
          v.transform(on => (on ? 4 : undefined)),
        ),
      ]),
    ),
  ),
};

const { lr, set, targets, cacheFeatures } = perMethod;

type TakenBy<Arguments extends Readonly<Record<string, Argument>>> = {
  [Name in keyof Arguments]: DescribedArgument<Arguments[Name]['check']>;
};

const takenBy = <Arguments extends Readonly<Record<string, Argument>>>(
  commands: string,
  described: Arguments,
): TakenBy<Arguments> =>
  Object.fromEntries(
    Object.entries(described).map(([name, argument]) => [name, { ...argument, takenBy: commands.split(' ') }]),
  ) as never;

/** Every argument, in the order in which help lists them. */
export const described = {
  ...takenBy('train eval predict info merge compare export bench', {
    backbone: text('<name>', 'a zoo name, a folder in the layout of timm or transformers, or hf:owner/name[@revision]'),
    weights: text('<file>', 'a safetensors file for a zoo name'),
    imageSize: number(
      '<pixels>',
      "height and width of the model's pictures, instead of the backbone's own",
      v.optional(atLeastOne),
    ),
    yes: toggle('download the backbone that an adapter names'),
  }),
  ...takenBy('eval predict merge export', { adapter: text('<folder>', 'an adapter folder') }),
  ...takenBy('train eval compare', {
    data: text('<data>', 'an image folder, a VTAB-1K folder, a .safetensors file, or mnist'),
  }),
  ...takenBy('train eval compare merge', {
    split: text('<split>', 'train, val, trainval, test, or a list of a VTAB-1K folder such as train800'),
  }),
  ...takenBy('train eval predict merge compare bench', {
    batch: number('<n>', 'pictures in a batch', v.optional(atLeastOne)),
  }),
  ...takenBy('train eval predict compare', {
    skipBroken: toggle('leave out pictures that cannot be decoded, and say which'),
    maxPixels: number('<n>', 'refuse pictures of more pixels than this', v.optional(atLeastOne)),
  }),
  ...takenBy('train info bench', {
    method: text('<method>', 'how to adapt, as `peft methods` lists them; train takes lora unless given'),
  }),
  ...takenBy('compare', {
    methods: texts('<list>', 'the methods to compare, with commas between', v.optional(oneOrMore)),
    each: configOnly(
      'what only one of the compared methods is given, by its name',
      v.optional(v.record(v.string(), v.strictObject(checksOf(perMethod)))),
    ),
    seeds: number('<n>', 'runs of each method, with seeds that follow one another', v.optional(atLeastOne, 1)),
  }),
  ...takenBy('train info compare bench', { set, targets }),
  ...takenBy('train compare demo', {
    evalSplit: text('<split>', 'what accuracy is measured on, so that options can be chosen on val; test unless given'),
    epochs: number('<n>', 'passes over the pictures', v.optional(atLeastOne)),
    steps: number('<n>', 'optimizer steps, instead of epochs', v.optional(atLeastOne)),
    lr,
    weightDecay: number('<rate>', 'decoupled weight decay', v.optional(notNegative)),
    schedule: choice('<name>', 'learning rate schedule', ['constant', 'cosine', 'linear', 'timm-0.4.12']),
    warmup: number('<steps>', 'steps of linear warm-up', v.optional(whole)),
  }),
  ...takenBy('train compare demo bench', {
    dropPath: number('<rate>', 'stochastic depth at the last block', v.optional(rate)),
  }),
  ...takenBy('train compare demo', {
    smoothing: number('<mass>', 'label smoothing', v.optional(rate)),
    clip: number('<norm>', 'clip the gradient to this Euclidean norm', v.optional(positive)),
    augment: choice('<kind>', 'augmentation', ['none', 'vtab', 'flip-crop']),
    shuffle: toggle('take the pictures in a new order each epoch; --no-shuffle: in the order of the list', true),
    initAdapter: text('<folder>', 'start from a saved adapter'),
    resume: text(
      '[force]',
      'go on from the checkpoint in --out, or start where there is none; force: although the run differs',
      v.optional(v.union([v.boolean(), v.literal('force', 'takes no value, or force')]), false),
    ),
    preset: choice('<name>', 'a recipe of the papers', ['vtab1k', 'neat-image']),
    accumulate: number('<n>', 'batches a step', v.optional(atLeastOne)),
    checkpointEvery: number('<steps>', 'save a checkpoint this often', v.optional(atLeastOne)),
    cacheFeatures,
    checkpointing: toggle('keep only the input of each block and run it again backwards: less memory, more time'),
  }),
  ...takenBy('eval', {
    reference: text('<file>', "instead: hold every activation and gradient against another implementation's"),
  }),
  ...takenBy('predict', {
    bare: toggle('without the adapter'),
    tensors: text('<file>', 'a safetensors file with images, float32 NCHW'),
    top: number('<n>', 'classes shown for each picture', v.optional(atLeastOne, 5)),
  }),
  ...takenBy('merge', {
    calibrate: text(
      '<data>',
      "freeze Lily's routing at its mean over these pictures (--split: train unless given), which is lossy, so that it merges",
    ),
  }),
  ...takenBy('compare demo', {
    report: text('<file>', 'the HTML report', v.optional(v.string(), 'peft-report.html')),
  }),
  ...takenBy('export', {
    format: text('<format>', 'format of the file', v.optional(v.string(), 'onnx')),
    keepAdapters: toggle('beside the base weights, not folded into them'),
  }),
  ...takenBy('bench', { runs: number('<n>', 'timed runs of each', v.optional(atLeastOne)) }),
  ...takenBy('train eval predict info merge compare export bench demo', {
    $schema: configOnly('where an editor finds what `peft schema` prints', v.optional(v.string())),
    engine: choice('<engine>', 'what computes', ['auto', 'onnx', 'webgpu', 'wasm', 'cpu'], 'auto'),
    provider: choice('<provider>', 'what computes in the ONNX engine', ['cpu', 'webgpu', 'cuda'], 'cpu'),
    threads: number('<n>', 'threads of the engine', v.optional(atLeastOne)),
    frozenDtype: choice('<dtype>', 'how the ONNX engine keeps weights that are not trained', ['f32', 'f16'], 'f32'),
    seed: number(
      '<n>',
      'every random number: initialization, order, drop path, augmentation, splits',
      v.optional(whole, 42),
    ),
    out: text('<path>', 'where to write'),
  }),
  ...takenBy('train eval predict info merge compare export bench demo methods schema', {
    json: toggle('the answer as exactly one JSON object on stdout'),
    quiet: toggle('no progress'),
    debug: toggle('a stack with a failure'),
  }),
};
