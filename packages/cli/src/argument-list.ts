import type { JsonObject } from '@peft/core';
import { value } from '@peft/core/method';
import type { Recipe } from '@peft/run';
import { type Protocol, protocolNames } from '@peft/vtab';
import {
  type Argument,
  choice,
  count,
  type DescribedArgument,
  field,
  fieldWithDefault,
  text,
  toggle,
  type ValueOf,
} from './argument.ts';
import { parseSettings } from './settings.ts';

const names = value.list(value.string());
const oneOrMore = value.either(names, value.string());

/** `a,b`, or a list of such. */
const commaListOf = (given: unknown): string[] => listOf(given).flatMap(list => list.split(','));

const listOf = (given: unknown): string[] => (Array.isArray(given) ? given.map(String) : [String(given)]);

/** One regular expression, `all-linear`, or a list of names. */
function targetsOf(given: unknown): string | string[] {
  const targets = listOf(given);
  const [first = '', second] = targets;
  const isPattern = /[\\^$*+?()|{}]/.test(first) || first.toLowerCase() === 'all-linear';
  return second === undefined && isPattern ? first : targets;
}

/** `name=value` from flags, or an object from a configuration file. */
const settingsOf = (given: unknown): JsonObject =>
  Array.isArray(given) ? parseSettings(given.map(String)) : (given as JsonObject);

const set: Argument<JsonObject | undefined> = {
  kind: 'texts',
  placeholder: '<name=value>',
  help: 'options of the method, as `peft methods NAME` lists them',
  value: value.either(names, value.table(value.json())),
  read: settingsOf,
};

const targets: Argument<string | string[] | undefined> = {
  kind: 'texts',
  placeholder: '<name>',
  help: field('targets', '').help,
  value: oneOrMore,
  read: targetsOf,
};

const cacheFeatures: Argument<number | undefined> = {
  kind: 'number',
  placeholder: '[GB]',
  help: 'compute what lies below all adapters once for each picture, within this memory (4 GB)',
  value: value.either(value.number({ above: 0 }), value.boolean()),
  read: given => (given === true ? 4 : given === false ? undefined : (given as number)),
};

const lr = field('lr', '<rate>', 'learning rate');

/** What `compare` may be told of one of its methods alone. */
const perMethod = { lr, set, targets, cacheFeatures };

export type PerMethod = { [Name in keyof typeof perMethod]?: ValueOf<(typeof perMethod)[Name]> };

const methods: Argument<string[] | undefined> = {
  kind: 'texts',
  placeholder: '<list>',
  help: 'the methods to compare, with commas between',
  value: oneOrMore,
  read: commaListOf,
};

const tasks: Argument<string[] | undefined> = {
  kind: 'texts',
  placeholder: '<list>',
  help: 'the tasks, with commas between; those that are there unless given',
  value: oneOrMore,
  read: commaListOf,
};

const shotCounts: Argument<number[] | undefined> = {
  kind: 'texts',
  placeholder: '<list>',
  help: 'pictures of each class, with commas between; 1,2,4,8,16 unless given',
  value: value.either(oneOrMore, value.either(value.integer({ min: 1 }), value.list(value.integer({ min: 1 })))),
  read: given => commaListOf(given).map(Number),
};

const each: Argument<Readonly<Record<string, PerMethod>> | undefined> = {
  kind: 'config',
  help: 'what only one of the compared methods is given, by its name',
  value: value.table(value.object({})),
  entries: perMethod,
};

/** A field of recipes that is given in a configuration file only. */
const inFile = <Name extends keyof Recipe>(name: Name): Argument<Recipe[Name] | undefined> => ({
  ...field(name, ''),
  kind: 'config',
});

const resume: Argument<boolean | 'force'> = {
  kind: 'text',
  placeholder: '[force]',
  help: 'go on from the checkpoint in --out, or start where there is none; force: although the run differs',
  value: value.either(value.boolean(), value.choice(['force'])),
  default: false,
};

const wish: Argument<'run' | 'pause' | 'cancel' | undefined> = {
  kind: 'text',
  placeholder: '<wish>',
  help: 'instead: tell the sweep of this folder to run, to pause, or to cancel',
  value: value.choice(['run', 'pause', 'cancel']),
};

const workers: Argument<number | undefined> = {
  kind: 'number',
  placeholder: '<n>',
  help: 'worker processes of this machine; half the processors unless given, 0 for none',
  value: value.integer({ min: 0 }),
};

const queue = text(
  '<url>',
  'a queue on Redis, for workers of many machines: redis://HOST, rediss://HOST with TLS; PEFT_QUEUE unless given',
);

const board: Argument<number | undefined> = {
  kind: 'number',
  placeholder: '[port]',
  help: "show how far it is on a page of 127.0.0.1, with a queue on Redis also in BullMQ's dashboard; port 4174 unless given",
  value: value.either(value.integer({ min: 0, max: 65_535 }), value.boolean()),
  read: given => (given === true ? 4174 : given === false ? undefined : (given as number)),
};

const port: Argument<number> = {
  kind: 'number',
  placeholder: '<n>',
  help: 'where the studio is served; 0 for any port that is free. A browser keeps projects by the address',
  value: value.integer({ min: 0, max: 65_535 }),
  default: 4173,
};

const $schema: Argument<string | undefined> = {
  kind: 'config',
  help: 'where an editor finds what `peft schema` prints',
  value: value.string(),
};

type TakenBy<Arguments extends Readonly<Record<string, Argument>>> = {
  [Name in keyof Arguments]: DescribedArgument<ValueOf<Arguments[Name]>>;
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
  ...takenBy('train eval predict info merge quantize compare export bench vtab few-shot', {
    backbone: field('backbone', '<name>'),
  }),
  ...takenBy('train eval predict info merge quantize compare export bench vtab few-shot worker', {
    weights: field('weights', '<file>'),
  }),
  ...takenBy('train eval predict info merge quantize compare export bench vtab few-shot', {
    imageSize: field('imageSize', '<pixels>'),
    yes: toggle('download the backbone that an adapter names'),
  }),
  ...takenBy('eval predict merge export', { adapter: text('<folder>', 'an adapter folder') }),
  ...takenBy('train eval compare worker', { data: field('data', '<data>') }),
  ...takenBy('train eval compare merge', {
    split: text('<split>', 'train, val, trainval, test, or a list of a VTAB-1K folder such as train800'),
  }),
  ...takenBy('train eval compare merge', {
    splitSeed: fieldWithDefault('splitSeed', '<n>'),
    valFraction: field('valFraction', '<part>'),
  }),
  ...takenBy('train compare', { shots: field('shots', '<n>') }),
  ...takenBy('train eval predict merge compare bench vtab few-shot', { batch: field('batch', '<n>') }),
  ...takenBy('train eval predict compare vtab few-shot', {
    skipBroken: toggle('leave out pictures that cannot be decoded, and say which'),
    maxPixels: field('maxPixels', '<n>', 'refuse pictures of more pixels than this'),
  }),
  ...takenBy('train info bench', {
    method: field('method', '<method>', 'how to adapt, as `peft methods` lists them; train takes lora unless given'),
  }),
  ...takenBy('train', { stack: inFile('stack'), overwrite: toggle('replace the run that --out holds') }),
  ...takenBy('vtab few-shot', { tasks }),
  ...takenBy('few-shot', { shotCounts }),
  ...takenBy('vtab', {
    protocol: choice<Protocol>(
      '<name>',
      "how pictures are normalized: raw leaves 0..1, normalized takes ImageNet's mean and deviation",
      protocolNames,
      'raw',
    ),
  }),
  ...takenBy('compare vtab few-shot', { methods, each }),
  ...takenBy('compare demo vtab few-shot', {
    seeds: count('<n>', 'runs of each method, with seeds that follow one another; 1 unless given, 3 in few-shot'),
  }),
  ...takenBy('train info compare bench vtab few-shot', { set, targets }),
  ...takenBy('train compare demo', {
    evalSplit: text('<split>', 'what accuracy is measured on, so that options can be chosen on val; test unless given'),
  }),
  ...takenBy('train compare', {
    valSplit: field('valSplit', '<split>'),
    keepBest: toggle('keep the adapter of the epoch that is best on --val-split, instead of the last'),
  }),
  ...takenBy('train compare demo vtab few-shot', {
    epochs: field('epochs', '<n>'),
    steps: field('steps', '<n>'),
    lr,
    weightDecay: field('weightDecay', '<rate>'),
    schedule: field('schedule', '<name>'),
    warmup: field('warmup', '<steps>'),
  }),
  ...takenBy('train compare demo bench', { dropPath: field('dropPath', '<rate>') }),
  ...takenBy('train compare demo', {
    smoothing: field('smoothing', '<mass>'),
    clip: field('clip', '<norm>', 'clip the gradient to this Euclidean norm'),
    augment: field('augment', '<kind>'),
    shuffle: toggle('take the pictures in a new order each epoch; --no-shuffle: in the order of the list', true),
    initAdapter: field('initAdapter', '<folder>', 'start from a saved adapter'),
    resume,
    preset: field('preset', '<name>', 'a recipe of the papers'),
    accumulate: field('accumulate', '<n>'),
    checkpointEvery: field('checkpointEvery', '<steps>', 'save a checkpoint this often'),
    cacheFeatures,
    normalize: inFile('normalize'),
    checkpointing: toggle('keep only the input of each block and run it again backwards: less memory, more time'),
  }),
  ...takenBy('eval', {
    reference: text('<file>', "instead: hold every activation and gradient against another implementation's"),
  }),
  ...takenBy('predict', {
    bare: toggle('without the adapter'),
    tensors: text('<file>', 'a safetensors file with images, float32 NCHW'),
    top: count('<n>', 'classes shown for each picture', 5),
  }),
  ...takenBy('merge', {
    calibrate: text(
      '<data>',
      "freeze Lily's routing at its mean over these pictures (--split: train unless given), which is lossy, so that it merges",
    ),
  }),
  ...takenBy('compare demo', { report: text('<file>', 'the HTML report', 'peft-report.html') }),
  ...takenBy('export', {
    format: text('<format>', 'format of the file', 'onnx'),
    keepAdapters: toggle('beside the base weights, not folded into them'),
  }),
  ...takenBy('bench', { runs: count('<n>', 'timed runs of each') }),
  ...takenBy('studio', { port }),
  ...takenBy('sweep', { queue, workers, board, wish }),
  ...takenBy('train eval predict info merge compare export bench demo vtab few-shot sweep worker', {
    engine: choice('<engine>', 'what computes', ['auto', 'onnx', 'webgpu', 'wasm', 'cpu'], 'auto'),
    provider: choice('<provider>', 'what computes in the ONNX engine', ['cpu', 'webgpu', 'cuda'], 'cpu'),
    threads: count('<n>', 'threads of the engine'),
  }),
  ...takenBy('train eval predict info merge quantize compare export bench demo vtab few-shot', {
    $schema,
    frozenDtype: field('frozenDtype', '<dtype>'),
    seed: fieldWithDefault('seed', '<n>'),
  }),
  ...takenBy('train eval predict info merge quantize compare export bench demo vtab few-shot sweep worker', {
    out: text('<path>', 'where to write'),
  }),
  ...takenBy(
    'train eval predict info merge quantize compare export bench studio demo vtab few-shot sweep worker methods schema',
    {
      json: toggle('the answer as exactly one JSON object on stdout'),
      quiet: toggle('no progress'),
      debug: toggle('a stack with a failure'),
    },
  ),
};
