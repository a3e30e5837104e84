import {
  adaptformer,
  check,
  closest,
  isMethodRecord,
  type Json,
  type JsonObject,
  type Method,
  type MethodFactory,
  reviveMethod,
  trainModules,
} from '@peft/core';
import { heat } from '@peft/heat';
import { lily } from '@peft/lily';
import { lora } from '@peft/lora';
import { neat, neatLearningRate } from '@peft/neat';
import { pear } from '@peft/pear';
import { type Inspect, inspectHeads, inspectMixing, inspectNorms, inspectSharing } from './inspect.ts';

/** What the command line knows of a method: how to make it, and what suits it. */
export interface MethodEntry {
  factory: MethodFactory;
  /** What it is, in one line. */
  summary: string;
  /** Where it is described: authors, year and arXiv number. */
  paper?: string;
  /** Defaults on top of the method's own. Unless `modulesToSave` is among them, it is the backbone's classification heads. */
  defaults: JsonObject;
  /** Learning rate, unless another is given. */
  lr: number;
  /** What a report shows of a trained adapter. */
  inspect?: Inspect;
}

/** q and v of every attention, where the vision papers put their adapters. */
const qv = ['attn.qkv[q,v]'];

/** The methods by their names on the command line. */
export const entries: Readonly<Record<string, MethodEntry>> = {
  lora: {
    factory: lora,
    summary: 'adds a trained low-rank update to each frozen weight',
    paper: 'Hu et al. 2021, arXiv 2106.09685',
    defaults: { targets: qv, alpha: 16 },
    lr: 2e-3,
    inspect: inspectNorms,
  },
  neat: {
    factory: neat,
    summary: 'updates each frozen weight by a small trained network of that weight',
    paper: 'Zhong et al. 2024, arXiv 2410.01870',
    defaults: { targets: qv },
    lr: neatLearningRate,
    inspect: inspectNorms,
  },
  lily: {
    factory: lily,
    summary: 'shares low-rank experts among layers, mixed by routers',
    paper: 'Zhong et al. 2024, arXiv 2407.09946',
    defaults: {},
    lr: 1e-3,
    inspect: inspectMixing,
  },
  heat: {
    factory: heat,
    summary: 'adapts only the attention heads that matter to the task',
    paper: 'Zhong and Zhou 2024, arXiv 2404.08894',
    defaults: {},
    lr: 2e-3,
    inspect: inspectHeads,
  },
  pear: {
    factory: pear,
    summary: 'prunes the least important adapters and shares the others in their place',
    paper: 'Zhong et al. 2024, arXiv 2409.19733',
    defaults: {},
    lr: 2e-3,
    inspect: inspectSharing,
  },
  adaptformer: {
    factory: adaptformer,
    summary: 'baseline: a trained bottleneck in parallel to each MLP',
    paper: 'Chen et al. 2022, arXiv 2205.13535',
    defaults: {},
    lr: 2e-3,
  },
  linear: {
    factory: trainModules,
    summary: 'baseline: trains the classification heads alone (linear probing)',
    defaults: {},
    lr: 2e-3,
  },
  full: {
    factory: trainModules,
    summary: 'baseline: trains all of the model (full fine-tuning)',
    defaults: { modulesToSave: ['*'] },
    lr: 1e-4,
  },
};

/** Everything that an adapter folder may hold. */
export const factories: MethodFactory[] = [...new Set(Object.values(entries).map(({ factory }) => factory))];

/** `--targets`: one regular expression, `all-linear`, or a list of names. */
function targetsOf(targets: string[]): Json {
  const [first] = targets;
  const isPattern = /[\\^$*+?()|{}]/.test(first) || first.toLowerCase() === 'all-linear';
  return targets.length === 1 && isPattern ? first : targets;
}

export interface MethodArguments {
  method: string;
  targets?: string[];
  set?: JsonObject;
  /** Options that a recipe brings, weaker than `set`. */
  recipe?: JsonObject;
}

/**
 * The method whose deltas another acts on: by its name here, with the options that suit it, or as plain data of its `type`
 * and `config`.
 */
function innerMethod(base: Json, heads: string[]): Method {
  if (isMethodRecord(base)) return reviveMethod(base, factories, '--set base');
  check(typeof base === 'string', 'bad-argument', () => {
    return `base is ${JSON.stringify(base)}; it must be a method's name, or its type and config.`;
  });
  return makeMethod({ method: base }, heads);
}

/** The method that the arguments ask for. `heads`: paths of the backbone's classification heads. */
export function makeMethod(
  { method, targets, set = {}, recipe = {} }: MethodArguments,
  heads: string[],
  known = entries,
): Method {
  const { factory, defaults } = methodEntry(method, known);
  const { base, ...settings } = set;
  const given = targets ? { targets: targetsOf(targets) } : {};
  if (base !== undefined) return factory({ ...given, ...settings, base: innerMethod(base, heads) } as never);
  const suited = { modulesToSave: heads, ...defaults, ...(method === 'lora' && recipe) };
  return factory({ ...suited, ...given, ...settings } as never);
}

/** @throws PeftError `bad-argument` for a name that is not known, with the closest one */
export function methodEntry(name: string, known = entries): MethodEntry {
  const names = Object.keys(known);
  const isKnown = Object.hasOwn(known, name);
  check(
    isKnown,
    'bad-argument',
    () => `There is no method "${name}"; closest: ${closest(name, names)}. There are ${names.join(', ')}.`,
  );
  return known[name];
}

/** The name on the command line of a method that a folder holds. */
export function methodNameOf({ type, modulesToSave }: Method): string {
  if (type === 'trainModules') return modulesToSave.includes('*') ? 'full' : 'linear';
  return type;
}

/**
 * Refuses arguments that contradict the adapter that training starts from: it goes on as it is.
 *
 * @param source the adapter's folder, for errors
 */
export function checkAgainstAdapter(
  { method, targets, set = {} }: Partial<MethodArguments>,
  adapted: Method,
  source: string,
) {
  const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);
  const { base, ...given } = set;
  const settings = { ...(targets && { targets: targetsOf(targets) }), ...given };
  const config: Record<string, unknown> = { ...adapted.config };
  const differences = Object.entries(settings).flatMap(([name, value]) =>
    same(value, config[name]) ? [] : [`${name} is ${JSON.stringify(config[name])} there, not ${JSON.stringify(value)}`],
  );
  if (method !== undefined && methodEntry(method) !== methodEntry(methodNameOf(adapted)))
    differences.unshift(`it is of the method ${methodNameOf(adapted)}, not ${method}`);
  if (base !== undefined && adapted.base?.type !== (isMethodRecord(base) ? base.type : base))
    differences.push(`it acts on ${adapted.base?.type ?? 'no method'}, not ${JSON.stringify(base)}`);
  check(differences.length === 0, 'bad-argument', () => {
    const advice =
      'Leave these arguments out to go on with the adapter as it is, or --init-adapter to start a new one.';
    return `${source} contradicts the arguments: ${differences.join('; ')}. ${advice}`;
  });
}
