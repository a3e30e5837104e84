import { type JsonObject, PeftError, sha256Of } from '@peft/core';
import { configure, type MethodRecord, methodRecord, option, required, value } from '@peft/core/method';
import { type Difference, differencesOf, type Metrics, type Moment, plain } from '@peft/train';
import type { Insight } from './insight.ts';
import type { RunModel } from './model.ts';
import { numbersOf, type Recipe, recipeOptions } from './recipe.ts';

/** What identifies a run: its recipe, and what the names in it stood for. A folder may move, but not change. */
export interface RunIdentity {
  /** The whole recipe. */
  readonly recipe: Recipe;
  readonly backbone: {
    readonly name: string;
    /** SHA-256 of its weights; `null` for random ones. */
    readonly weights: string | null;
  };
  /** `datasetHash` of the two datasets. */
  readonly data: {
    readonly train: string;
    readonly test: string;
    /** Of the pictures that chose the best epoch, if they did. */
    readonly validation?: string;
  };
  /** How pictures became the model's input. */
  readonly preprocessing: JsonObject;
  /** Class names in the order of the logits; `null` if nothing names them. */
  readonly classes: readonly string[] | null;
  /** The methods that the adapters started with, by adapter. */
  readonly methods: Readonly<Record<string, MethodRecord>>;
  /** SHA-256 of the values of the adapter that it started from. */
  readonly initAdapter?: string;
}

export interface EpochRecord {
  readonly epoch: number;
  readonly meanLoss: number;
}

/** The result of a run. */
export interface RunResult {
  readonly method: string;
  readonly engine: string;
  /** The loss of every step, from the first on. */
  readonly losses: readonly number[];
  readonly epochs: readonly EpochRecord[];
  /**
   * The median time of a step, in ms; left out if no step was timed. The first step counts only if it is the only one, as it
   * includes recording.
   */
  readonly stepMs?: number;
  /** The part of the model that cached features entered: steps computed only from there on. */
  readonly cachedFrom?: string;
  /** Time from opening to evaluation, of the last part of the run that took a step. */
  readonly seconds: number;
  readonly metrics: Metrics;
  /** The moment that the adapter is of, with its score on the validation pictures, if the best was kept. */
  readonly best?: Moment;
  /** Counts of the trained parameters, and of all parameters of the adapted model. */
  readonly trainable: number;
  readonly total: number;
  /** The trained part of the adapters' own tensors, as papers count: no head. */
  readonly adapterTrainable?: number;
  /** The findings of stages by adapter: HEAT's mask, Pear's sharing. */
  readonly findings?: Readonly<Record<string, JsonObject>>;
  /** Drawings of what the methods did inside. */
  readonly insights: readonly Insight[];
  /** Where the adapter was saved, and its size. */
  readonly adapter: string;
  readonly bytes: number;
}

/** A finished run as plain JSON: what identifies it, and its result. `run(record.recipe, ...)` repeats it. */
export interface RunRecord extends RunIdentity {
  readonly format: 2;
  /** The versions of the packages that computed it. */
  readonly versions: Readonly<Record<string, string>>;
  /** How it differs from the runs whose checkpoints it was forced to continue. */
  readonly resumedDespite?: readonly string[];
  readonly result: RunResult;
}

const fields = {
  format: required('The version of the format.', value.integer()),
  versions: required('The packages that computed it.', value.table(value.string())),
  recipe: required('The recipe.', value.object({})),
  backbone: required('The backbone.', value.object({})),
  data: required('Hashes of the data.', value.object({})),
  preprocessing: required('How pictures became the input.', value.object({})),
  classes: required('The class names.', value.nullable(value.list(value.string()))),
  methods: required('The methods.', value.table(value.object({ type: value.string(), config: value.object({}) }))),
  initAdapter: option('The hash of the adapter that it started from.', value.string()),
  resumedDespite: option('What differed.', value.list(value.string())),
  result: required('What came of it.', value.object({})),
};

const backboneFields = {
  name: required('Its name.', value.string()),
  weights: required('The hash of its weights.', value.nullable(value.string())),
};

const dataFields = {
  train: required('The hash of what was trained on.', value.string()),
  test: required('The hash of what was evaluated on.', value.string()),
  validation: option('The hash of what chose the best epoch.', value.string()),
};

const number = (description: string) => required(description, value.number());
const integer = (description: string) => required(description, value.integer({ min: 0 }));

const resultFields = {
  method: required('The method.', value.string()),
  engine: required('What computed.', value.string()),
  losses: required('One a step.', value.list(value.number())),
  epochs: required('Mean losses.', value.list(value.object({ epoch: value.integer(), meanLoss: value.number() }))),
  stepMs: option('How long a step took.', value.number()),
  cachedFrom: option('Where steps began.', value.string()),
  seconds: number('How long it took.'),
  metrics: required('How it did.', value.object({})),
  best: option(
    'When it was best.',
    value.object({ step: value.integer(), accuracy: value.number(), loss: value.number() }),
  ),
  trainable: integer('Parameters that are trained.'),
  total: integer('All parameters.'),
  adapterTrainable: option('Trained parameters without the head.', value.integer({ min: 0 })),
  findings: option('What stages found.', value.table(value.object({}))),
  insights: required('What the method did inside.', value.list(value.object({}))),
  adapter: required('Where the adapter was saved.', value.string()),
  bytes: integer('The size of the adapter.'),
};

const metricsFields = {
  n: integer('Pictures.'),
  accuracy: number('The share that was right.'),
  meanPerClass: number('The mean over classes.'),
  loss: number('The mean loss.'),
  confusion: required('Counts.', value.list(value.list(value.integer({ min: 0 })))),
};

const fromFile = { code: 'bad-file', ignoreUnknown: true } as const;

/**
 * Checks the result of a run, as read from a file.
 *
 * @throws PeftError `bad-file` that names what is missing or wrong
 */
export function parseResult(json: object, source: string): RunResult {
  const { metrics } = configure(source, resultFields, json, fromFile);
  configure(`${source}.metrics`, metricsFields, metrics, fromFile);
  return json as RunResult;
}

/**
 * The object that a text holds as JSON.
 *
 * @throws PeftError `bad-file` if it holds none
 */
export function parseObject(text: string, source: string): object {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new PeftError('bad-file', `${source} is not valid JSON: ${(cause as Error).message}`, { cause });
  }
  if (typeof json === 'object' && json !== null && !Array.isArray(json)) return json;
  throw new PeftError('bad-file', `${source} must be a JSON object.`);
}

/**
 * Reads the record of a run.
 *
 * @throws PeftError `bad-file` for anything else, or a format that this version does not read
 */
export const parseRecord = (text: string, source: string): RunRecord => recordOf(parseObject(text, source), source);

/**
 * Checks the record of a run, as read from a file.
 *
 * @throws PeftError `bad-file` for anything else, or a format that this version does not read
 */
export function recordOf(json: object, source: string): RunRecord {
  const { format } = json as { format?: unknown };
  if (format !== 2) throw new PeftError('bad-file', `${source} has format ${String(format)}; this version reads 2.`);
  const { recipe, backbone, data, result } = configure(source, fields, json, fromFile);
  configure(`${source}: recipe`, recipeOptions, recipe, fromFile);
  configure(`${source}: backbone`, backboneFields, backbone, fromFile);
  configure(`${source}: data`, dataFields, data, fromFile);
  parseResult(result, `${source}: result`);
  return json as RunRecord;
}

/** The methods of a model's adapters, by adapter. */
export const methodsOf = ({ adapters }: RunModel['model']): Readonly<Record<string, MethodRecord>> =>
  Object.fromEntries([...adapters].map(([name, { method }]) => [name, methodRecord(method)]));

/** The findings of stages by adapter; undefined if there are none. */
export function findingsOf({ adapters }: RunModel['model']): Readonly<Record<string, JsonObject>> | undefined {
  const found = [...adapters].flatMap(([name, { method }]) => {
    const { findings } = methodRecord(method);
    return findings ? [[name, findings] as const] : [];
  });
  return found.length > 0 ? Object.fromEntries(found) : undefined;
}

/** SHA-256 of the values of the active adapters. */
export async function adapterHash({ active }: RunModel['model']): Promise<string> {
  const parts: string[] = [];
  for (const adapter of active)
    for (const [path, parameter] of adapter.parameters())
      parts.push(`${adapter.name}/${path} ${sha256Of(new Uint8Array((await parameter.get()).buffer))}`);
  return sha256Of(new TextEncoder().encode(parts.join('\n')));
}

/** What a run and its checkpoint must have in common besides the methods: all that determines the numbers. */
export const comparedOf = ({ recipe, backbone, data, preprocessing, classes, initAdapter }: RunIdentity): JsonObject =>
  plain({
    backbone: backbone.name,
    weights: backbone.weights,
    labels: classes,
    data: data.train,
    ...(data.validation !== undefined && { validation: data.validation }),
    preprocessing,
    ...(initAdapter !== undefined && { initAdapter }),
    ...numbersOf(recipe),
  });

/** How two runs differ, the data that they are evaluated on included. */
export const differencesBetween = (one: RunIdentity, other: RunIdentity): Difference[] => {
  const whole = (run: RunIdentity): JsonObject =>
    plain({ ...comparedOf(run), methods: run.methods, evaluatedOn: run.data.test });
  return differencesOf(whole(one), whole(other));
};
