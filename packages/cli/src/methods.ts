import {
  bottleneck,
  check,
  isMethodRecord,
  type Json,
  type JsonObject,
  type Method,
  type MethodFactory,
  reviveMethod,
  whole,
} from '@peft/core';
import { heat } from '@peft/heat';
import { lily } from '@peft/lily';
import { lora } from '@peft/lora';
import { neat, neatLearningRate } from '@peft/neat';
import { pear } from '@peft/pear';
import { type Inspect, inspectHeads, inspectMixing, inspectNorms, inspectSharing } from './inspect.ts';

/** What the command line knows of a method: how to make it, and what suits it. */
interface MethodEntry {
  factory: MethodFactory;
  /** Options on top of the method's own defaults; `heads`: paths of the classification heads. */
  options(heads: string[]): JsonObject;
  /** Learning rate, unless another is given. */
  lr: number;
  /** What a report shows of a trained adapter. */
  inspect?: Inspect;
}

/** q and v of every attention, where the vision papers put their adapters. */
const qv = ['attn.qkv[q,v]'];

const entries: Record<string, MethodEntry> = {
  lora: {
    factory: lora,
    options: heads => ({ targets: qv, alpha: 16, modulesToSave: heads }),
    lr: 2e-3,
    inspect: inspectNorms,
  },
  neat: {
    factory: neat,
    options: heads => ({ targets: qv, modulesToSave: heads }),
    lr: neatLearningRate,
    inspect: inspectNorms,
  },
  lily: { factory: lily, options: heads => ({ modulesToSave: heads }), lr: 1e-3, inspect: inspectMixing },
  heat: { factory: heat, options: heads => ({ modulesToSave: heads }), lr: 2e-3, inspect: inspectHeads },
  pear: { factory: pear, options: heads => ({ modulesToSave: heads }), lr: 2e-3, inspect: inspectSharing },
  adaptformer: { factory: bottleneck, options: heads => ({ modulesToSave: heads }), lr: 2e-3 },
  linear: { factory: whole, options: heads => ({ modulesToSave: heads }), lr: 2e-3 },
  full: { factory: whole, options: () => ({ modulesToSave: ['*'] }), lr: 1e-4 },
};

const methodNames = Object.keys(entries);

/** Everything that an adapter folder may hold. */
export const factories: MethodFactory[] = [...new Set(Object.values(entries).map(({ factory }) => factory))];

/** `--targets`: one regular expression, `all-linear`, or a list of names. */
function targetsOf(targets: string[]): Json {
  const [first] = targets;
  const isPattern = /[\\^$*+?()|{}]/.test(first) || first.toLowerCase() === 'all-linear';
  return targets.length === 1 && isPattern ? first : targets;
}

/** `--set k=v`: numbers, booleans and JSON as such, all else as text. */
export function parseSettings(settings: string[]): JsonObject {
  const pairs = settings.map(setting => {
    const at = setting.indexOf('=');
    check(at > 0, 'bad-argument', () => `--set takes name=value, not "${setting}".`);
    const text = setting.slice(at + 1);
    try {
      return [setting.slice(0, at), JSON.parse(text) as Json];
    } catch {
      return [setting.slice(0, at), text];
    }
  });
  return Object.fromEntries(pairs);
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
function innerMethod(of: Json, heads: string[]): Method {
  if (isMethodRecord(of)) return reviveMethod(of, factories, '--set of');
  check(typeof of === 'string', 'bad-argument', () => {
    return `of is ${JSON.stringify(of)}; it must be a method's name, or its type and config.`;
  });
  return makeMethod({ method: of }, heads);
}

/** The method that the arguments ask for. */
export function makeMethod({ method, targets, set = {}, recipe = {} }: MethodArguments, heads: string[]): Method {
  const entry = methodEntry(method);
  const { of, ...settings } = set;
  const given = targets ? { targets: targetsOf(targets) } : {};
  if (of !== undefined) return entry.factory({ ...given, ...settings, of: innerMethod(of, heads) } as never);
  return entry.factory({ ...entry.options(heads), ...(method === 'lora' && recipe), ...given, ...settings } as never);
}

export function methodEntry(name: string): MethodEntry {
  const isKnown = Object.hasOwn(entries, name);
  check(isKnown, 'bad-argument', () => `There is no method "${name}"; there are ${methodNames.join(', ')}.`);
  return entries[name];
}

/** The name on the command line of a method that a folder holds. */
export const methodNameOf = ({ type }: Method): string => (type === 'bottleneck' ? 'adaptformer' : type);

/**
 * Refuses arguments that contradict the adapter that training starts from: it goes on as it is.
 *
 * @param source the adapter's folder, for errors
 */
export function checkAgainstAdapter(
  { method, targets, set = {} }: Partial<MethodArguments>,
  of: Method,
  source: string,
) {
  const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);
  const { of: base, ...given } = set;
  const settings = { ...(targets && { targets: targetsOf(targets) }), ...given };
  const config: Record<string, unknown> = { ...of.config };
  const differences = Object.entries(settings).flatMap(([name, value]) =>
    same(value, config[name]) ? [] : [`${name} is ${JSON.stringify(config[name])} there, not ${JSON.stringify(value)}`],
  );
  if (method !== undefined && methodEntry(method).factory.type !== of.type)
    differences.unshift(`it is of the method ${methodNameOf(of)}, not ${method}`);
  if (base !== undefined && of.of?.type !== (isMethodRecord(base) ? base.type : base))
    differences.push(`it acts on ${of.of?.type ?? 'no method'}, not ${JSON.stringify(base)}`);
  check(differences.length === 0, 'bad-argument', () => {
    const advice =
      'Leave these arguments out to go on with the adapter as it is, or --init-adapter to start a new one.';
    return `${source} contradicts the arguments: ${differences.join('; ')}. ${advice}`;
  });
}
