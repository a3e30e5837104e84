import {
  adaptformer,
  check,
  closest,
  type Json,
  type JsonObject,
  type Method,
  type MethodFactory,
  trainModules,
} from '@peft/core';
import { isMethodRecord, reviveMethod } from '@peft/core/method';
import { heat } from '@peft/heat';
import { lily } from '@peft/lily';
import { lora } from '@peft/lora';
import { neat } from '@peft/neat';
import { pear } from '@peft/pear';
import { type Inspect, inspectHeads, inspectMixing, inspectNorms, inspectSharing } from './inspect.ts';

/** A method that recipes can name: how to make it, and its defaults. */
export interface MethodEntry {
  factory: MethodFactory;
  /** A description in one line. */
  summary: string;
  /** Its paper: authors, year and arXiv number. */
  paper?: string;
  /** Defaults over the method's own. `modulesToSave` is the backbone's classification heads unless it is among them. */
  defaults: JsonObject;
  /** The default learning rate. */
  lr: number;
  /** Draws what it did inside, for reports. */
  inspect?: Inspect;
}

/** The methods by their names in recipes. Learning rates, and Pear's placement, were chosen by sweeps: docs/results.md. */
export const methodRegistry: Readonly<Record<string, MethodEntry>> = {
  lora: {
    factory: lora,
    summary: 'adds a trained low-rank update to each frozen weight',
    paper: 'Hu et al. 2021, arXiv 2106.09685',
    defaults: { alpha: 16 },
    lr: 4e-3,
    inspect: inspectNorms,
  },
  neat: {
    factory: neat,
    summary: 'updates each frozen weight by a small trained network of that weight',
    paper: 'Zhong et al. 2024, arXiv 2410.01870',
    defaults: {},
    lr: 1e-2,
    inspect: inspectNorms,
  },
  lily: {
    factory: lily,
    summary: 'shares low-rank experts among layers, mixed by routers',
    paper: 'Zhong et al. 2024, arXiv 2407.09946',
    defaults: {},
    lr: 2.5e-3,
    inspect: inspectMixing,
  },
  heat: {
    factory: heat,
    summary: 'adapts only the attention heads that matter to the task',
    paper: 'Zhong and Zhou 2024, arXiv 2404.08894',
    defaults: {},
    lr: 5e-3,
    inspect: inspectHeads,
  },
  pear: {
    factory: pear,
    summary: 'prunes the least important adapters and shares the others in their place',
    paper: 'Zhong et al. 2024, arXiv 2409.19733',
    defaults: { targets: ['attn.qkv[q,v]'], act: 'identity', r: 16 },
    lr: 5e-3,
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
    lr: 1e-2,
  },
  full: {
    factory: trainModules,
    summary: 'baseline: trains all of the model (full fine-tuning)',
    defaults: { modulesToSave: ['*'] },
    lr: 3e-4,
  },
};

/** Methods by their names in recipes. */
export type Registry = Readonly<Record<string, MethodEntry>>;

/** The factories of a registry's methods. */
export const factoriesOf = (registry: Registry): MethodFactory[] => [
  ...new Set(Object.values(registry).map(({ factory }) => factory)),
];

/** The factories of all methods that an adapter folder may hold. */
export const factories: readonly MethodFactory[] = factoriesOf(methodRegistry);

/** A method in a recipe. */
export interface MethodChoice {
  readonly method: string;
  readonly targets?: string | readonly string[];
  /** Its options. */
  readonly set?: Readonly<JsonObject>;
}

/**
 * The base of a method that acts on another's deltas: a name of the registry, with its defaults, or plain data of a `type` and a
 * `config`.
 */
function innerMethod(base: Json, heads: readonly string[], registry: Registry): Method {
  if (isMethodRecord(base)) return reviveMethod(base, factoriesOf(registry), 'base');
  check(typeof base === 'string', 'bad-argument', () => {
    return `base is ${JSON.stringify(base)}; it must be a method's name, or its type and config.`;
  });
  return makeMethod({ method: base }, heads, registry);
}

/**
 * Makes a method from its defaults and the options that were chosen, which win.
 *
 * @param heads paths of the backbone's classification heads, which are trained too
 * @throws PeftError `bad-argument` for a name that is not known, `bad-config` for an option that does not exist or makes no sense
 */
export function makeMethod(
  { method, targets, set = {} }: MethodChoice,
  heads: readonly string[],
  registry: Registry = methodRegistry,
): Method {
  const { factory, defaults } = methodEntry(method, registry);
  const { base, ...settings } = set;
  const given = targets === undefined ? {} : { targets };
  if (base !== undefined) return factory({ ...given, ...settings, base: innerMethod(base, heads, registry) } as never);
  const suited = { modulesToSave: heads, ...defaults };
  return factory({ ...suited, ...given, ...settings } as never);
}

/** @throws PeftError `bad-argument` for a name that is not known, with the closest one */
export function methodEntry(name: string, registry: Registry = methodRegistry): MethodEntry {
  const names = Object.keys(registry);
  const entry = Object.hasOwn(registry, name) ? registry[name] : undefined;
  check(
    entry,
    'bad-argument',
    () => `There is no method "${name}"; closest: ${closest(name, names)}. There are ${names.join(', ')}.`,
  );
  return entry;
}

/** The recipe name of a method from an adapter folder. */
export function methodNameOf({ type, modulesToSave }: Method): string {
  if (type === 'trainModules') return modulesToSave.includes('*') ? 'full' : 'linear';
  return type;
}

/**
 * Refuses options that contradict the adapter that training starts from.
 *
 * @param source the adapter's folder, for errors
 */
export function checkAgainstAdapter(
  { method, targets, set = {} }: Partial<MethodChoice>,
  adapted: Method,
  source: string,
): void {
  const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);
  const { base, ...given } = set;
  const settings = { ...(targets !== undefined && { targets }), ...given };
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
