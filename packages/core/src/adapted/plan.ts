import { closest } from '../closest.ts';
import { check } from '../errors.ts';
import type { Method } from '../method/method.ts';
import { isWithin, patternKey, resolveTargets, type Target } from '../method/targets.ts';
import type { Module } from '../module/module.ts';
import { type ModuleNaming, namesOf } from '../module/naming.ts';
import { Parameter } from '../module/parameter.ts';
import { modules, parameters } from '../module/tree.ts';

/** A base parameter and an adapter's own copy of it. */
export interface SavedParameter {
  readonly base: Parameter;
  readonly own: Parameter;
}

/** A target with its parameters by name. */
export interface TargetParameters {
  readonly target: Target;
  readonly parameters: Readonly<Record<string, Parameter>>;
}

/**
 * A parameter of a target by its name.
 *
 * @throws PeftError `bad-config` if the method has none of that name there
 */
export function parameterOf({ target, parameters: own }: TargetParameters, name: string): Parameter {
  const parameter = own[name];
  check(parameter, 'bad-config', () => {
    return `${target.id} has no parameter "${name}"; it has ${Object.keys(own).join(', ') || 'none'}.`;
  });
  return parameter;
}

/** The parameters that a method adds to a model, as shapes: it holds no values and takes no memory. */
export interface AdapterPlan {
  readonly method: Method;
  readonly targets: readonly Target[];
  /** The parameters of each target, in the order of {@link targets}; shared ones are the same object. */
  readonly byTarget: readonly TargetParameters[];
  /** Every tensor of the adapter once, by a path of its own: `blocks.0.attn.qkv[q].A`. */
  readonly parameters: ReadonlyMap<string, Parameter>;
  /** Copies of base parameters, by path. */
  readonly saved: ReadonlyMap<string, SavedParameter>;
  /** Paths of the copies that the method does not name: see {@link PlanOptions.keeps}. */
  readonly kept: ReadonlySet<string>;
  /** Whose names the method, its targets and the adapter's files are in; our own paths unless given. */
  readonly naming?: ModuleNaming;
}

/** What a plan checks names against, and what it keeps. */
export interface PlanOptions {
  /** Whether every name in a list of targets and in `modulesToSave` must match something; true unless given. */
  strict?: boolean;
  /**
   * Base parameters that the adapter trains and saves although its method does not name them; by default the new ones. An
   * adapter could not be used again without its new head.
   */
  keeps?: (path: string, parameter: Parameter) => boolean;
  /** Whose names the method is in; our own paths unless given. */
  naming?: ModuleNaming;
}

const isFresh = (_: string, { fresh }: Parameter): boolean => fresh;

/** Whether a name of `modulesToSave` covers a parameter by one of its names. */
const covers = (modulesToSave: readonly string[], names: readonly string[]): boolean =>
  modulesToSave.some(module => module === '*' || names.some(name => isWithin(name, module)));

const moduleOf = (parameter: string): string => parameter.replace(/\.?[^.]*$/, '');

/** The base parameters that an adapter keeps copies of: whole modules, biases, and those in `kept`. */
function planSaved(
  root: Module,
  { modulesToSave, bias = 'none' }: Method,
  targets: readonly Target[],
  kept: ReadonlySet<string>,
  { strict, naming }: PlanOptions,
): Map<string, SavedParameter> {
  const modulesOf = new Set<Module>(targets.map(({ module }) => module));
  const adapted = new Set([...modules(root)].flatMap(([path, it]) => (modulesOf.has(it) ? [`${path}.bias`] : [])));
  const all = [...parameters(root)].filter(([, { fixed }]) => !fixed);
  const names = strict ? all.flatMap(([path]) => namesOf(naming, path)) : [];
  for (const name of strict ? modulesToSave : []) {
    check(covers([name], names), 'no-match', () => {
      const known = [...new Set(names.map(moduleOf))];
      return (
        `modulesToSave: no module that can be trained is called "${name}" in ${root.constructor.name}; ` +
        `closest: ${closest(name, known)}.`
      );
    });
  }
  const isSaved = (path: string): boolean =>
    kept.has(path) ||
    covers(modulesToSave, namesOf(naming, path)) ||
    (bias === 'all' && path.endsWith('.bias')) ||
    (bias === 'adapted' && adapted.has(path));
  return new Map(
    all
      .filter(([path]) => isSaved(path))
      .map(([path, base]) => [path, { base, own: new Parameter(base.shape, base.init, { layout: base.layout }) }]),
  );
}

/** Paths of base parameters that an adapter keeps although neither `modulesToSave` nor `bias` covers them. */
function keptPaths(
  root: Module,
  { modulesToSave, bias }: Method,
  { keeps = isFresh, naming }: PlanOptions,
): Set<string> {
  const isMeant = (path: string): boolean =>
    covers(modulesToSave, namesOf(naming, path)) || (bias === 'all' && path.endsWith('.bias'));
  return new Set([...parameters(root)].flatMap(([path, base]) => (keeps(path, base) && !isMeant(path) ? [path] : [])));
}

/** Names of the modules that an adapter trains and saves whole: its method's, and those of other kept parameters. */
export function savedModules({ modulesToSave }: Method, kept: ReadonlySet<string>, naming?: ModuleNaming): string[] {
  const beyond = [...kept].flatMap(path => namesOf(naming, path).map(moduleOf)).filter(module => module !== '');
  return [...new Set([...modulesToSave, ...beyond])];
}

/** Refuses patterns, of a method or of its base method, that match no target. */
function requirePatterns({ patterns = {}, base, type }: Method, targets: readonly Target[]): void {
  for (const [option, table] of Object.entries(patterns)) {
    const used = new Set(targets.map(({ path }) => patternKey(table, path)));
    const unused = Object.keys(table).find(pattern => !used.has(pattern));
    check(unused === undefined, 'no-match', () => {
      const paths = targets.map(({ path }) => path);
      return (
        `${type}: ${option} has "${unused}", which ends the path of no adapted module, or only of those that a pattern ` +
        `before it has; closest: ${closest(unused ?? '', paths)}.`
      );
    });
  }
  if (base) requirePatterns(base, targets);
}

/** The method with the model's default targets where it was given none. */
function placed(root: Module, method: Method): Method {
  if (!method.withTargets) return method;
  const { defaultTargets } = root;
  check(defaultTargets, 'bad-config', () => {
    return `${method.type}: targets is missing, and ${root.constructor.name} has no default; name what to adapt.`;
  });
  return method.withTargets(defaultTargets);
}

/**
 * Resolves a method's targets and parameters on a model. It takes no memory, so it also counts the parameters of a method
 * on a model without weights.
 */
export function planAdapter(root: Module, given: Method, options: PlanOptions = {}): AdapterPlan {
  const method = placed(root, given);
  const { targets: addressed, blocks, convolutions } = method;
  const { strict = true, naming } = options;
  const kept = keptPaths(root, method, options);
  const skipped = savedModules(method, kept, naming);
  const where = { skipped, strict, naming, blocks, convolutions };
  const targets = addressed ? resolveTargets(root, addressed, where) : [];
  if (strict) requirePatterns(method, targets);
  const unique = new Map<string, Parameter>();
  const byTarget = targets.map(target => {
    const specs = Object.entries(method.parameters(target, targets));
    const own = specs.map(([name, { shape, init, layout, frozen, share, nonzero }]) => {
      const path = `${share ?? target.id}.${name}`;
      const wanted = new Parameter(shape, init, { layout, fixed: frozen, nonzero });
      const parameter = unique.get(path) ?? wanted;
      check(String(parameter.shape) === String(wanted.shape), 'bad-config', () => {
        return `${path} is shared by targets that want it as [${parameter.shape}] and as [${wanted.shape}] (${target.id}).`;
      });
      unique.set(path, parameter);
      return [name, parameter] as const;
    });
    return { target, parameters: Object.fromEntries(own) };
  });
  const saved = planSaved(root, method, targets, kept, { strict, naming });
  return { method, targets, byTarget, parameters: unique, saved, kept, ...(naming && { naming }) };
}

/**
 * The plan of a method after its stages, for counting parameters before training. All scores are taken as equal and all
 * values as zero.
 */
export function planSettled(root: Module, method: Method, options: PlanOptions = {}): AdapterPlan {
  const plan = planAdapter(root, method, options);
  const { stage } = method;
  if (!stage || stage.optional) return plan;
  const { targets, byTarget } = plan;
  const scores = targets.map(
    target => [target.id, new Float64Array(stage.gate?.(target, targets)?.groups ?? 0)] as const,
  );
  const values = byTarget.map(({ target, parameters }) => {
    const zeros = Object.entries(parameters).map(([name, { size }]) => [
      name,
      { enumerable: true, get: () => new Float32Array(size) }, // made if they are read: a rank may be ten million
    ]);
    return { target, values: Object.defineProperties({}, Object.fromEntries(zeros)) };
  });
  return planSettled(root, stage.next(new Map(scores), values).method, options);
}
