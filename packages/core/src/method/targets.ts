import { closest } from '../closest.ts';
import { check, PeftError } from '../errors.ts';
import { Linear, type Role, type Slice } from '../module/layers.ts';
import type { Kernel } from '../module/layout.ts';
import type { Module } from '../module/module.ts';
import { type ModuleNaming, namesOf } from '../module/naming.ts';
import type { Parameter } from '../module/parameter.ts';
import { modules } from '../module/tree.ts';
import { quote } from '../quote.ts';
import { boundedWork, checkPattern, fullMatch, matchStart, type Work } from './pattern.ts';

/** The modules that a method adapts, by Hugging Face peft's rules (`tuners_utils.check_target_module_exists`). */
export interface TargetOptions {
  /**
   * A list of names, each a path or its end after a dot, with slices of a fused projection in brackets (`attn.qkv[q,v]`); or
   * one regular expression that matches whole paths; or `'all-linear'` for every linear module but the classifiers.
   */
  targets: string | readonly string[];
  /** Names or one regular expression, by the same rules, of modules that are not adapted. */
  exclude?: string | readonly string[];
  /** Adapts only layers with these indices; needs a list of names as `targets`. */
  layers?: number | readonly number[];
  /** The name before the layer index in paths (`blocks`); by default the first index with a name before it. */
  layersPattern?: string | readonly string[];
}

/**
 * A module that can be adapted: a {@link Linear}; a convolution whose stride is its kernel size, which is linear in flat
 * patches, for methods with `convolutions`; or a block with widths but no weight, such as an MLP, for methods with `blocks`.
 */
export interface Adaptable extends Module {
  readonly inFeatures: number;
  readonly outFeatures: number;
  /** `[in, out]`. */
  readonly weight?: Parameter;
  /** Of a convolution: its inputs are flat patches, `[..., height * width * channels]`. */
  readonly kernel?: Kernel;
  readonly bias?: Parameter;
  readonly slices?: Readonly<Record<string, Slice>>;
  readonly heads?: number;
  readonly role?: Role;
}

/** A target of a method: a module, or a slice of a fused projection's outputs. */
export interface Target {
  /** The module's path. */
  readonly path: string;
  /** The path, with the slice's name in brackets if there is one: unique in an adapter. */
  readonly id: string;
  readonly module: Adaptable;
  /** The name that matched, without slices: what peft groups shared parameters by. */
  readonly matched: string;
  readonly slice: (Slice & { readonly name: string }) | undefined;
  /** Whether `path` names the slice as a module of its own, as another library does; see {@link ModuleNaming}. */
  readonly named?: boolean;
  readonly inFeatures: number;
  readonly outFeatures: number;
  /** The path of its parent module, empty for the root: the same for all projections of one attention. */
  readonly layer: string;
  /** Its kind of module, the same in every layer: the name that matched, without indices, and the slice. */
  readonly kind: string;
  /** Its role in attention, from its module or from its name: `q`, `query`, `q_proj` and so on. */
  readonly role: Role | undefined;
  /** The number of attention heads that share its outputs equally, if its module has any. */
  readonly heads: number | undefined;
}

/** Whether a target is a block, which has no weight of its own. */
export const isBlock = ({ module }: Target): boolean => module.weight === undefined;

const usualRoles: Readonly<Record<string, Role>> = {
  q: 'query',
  query: 'query',
  q_proj: 'query',
  k: 'key',
  key: 'key',
  k_proj: 'key',
  v: 'value',
  value: 'value',
  v_proj: 'value',
};

interface Name {
  name: string;
  slices: string[];
}

const endsWithName = (path: string, name: string): boolean => path === name || path.endsWith(`.${name}`);

const matchesAny = (rule: string | readonly string[] | undefined, path: string, work: Work): boolean => {
  if (rule === undefined || rule.length === 0) return false;
  return typeof rule === 'string' ? fullMatch(rule, path, work) : rule.some(name => endsWithName(path, name));
};

/** Whether a path is that of a module of that name, or of something in it. */
export const isWithin = (path: string, name: string): boolean => `.${path}.`.includes(`.${name}.`);

const parseName = (entry: string): Name => {
  const [, name, slices] = entry.match(/^(.*?)(?:\[([\w\s,]+)\])?$/) ?? [];
  return { name: name ?? entry, slices: slices ? slices.split(',').map(slice => slice.trim()) : [] };
};

const asList = <T>(value: T | readonly T[]): readonly T[] => (Array.isArray(value) ? value : [value as T]);

/** The layer index in a path, found as Hugging Face peft does. */
function layerIndex(path: string, patterns: readonly string[], work: Work): number | undefined {
  const expressions = patterns.length > 0 ? patterns.map(name => `(?:^|.*?\\.)${name}`) : ['.*?\\.[^.]*'];
  for (const expression of expressions) {
    const groups = matchStart(`${expression}\\.(\\d+)\\.`, path, work);
    if (groups) return Number(groups.at(-1));
  }
  return undefined;
}

function isInLayers(path: string, { layers, layersPattern }: TargetOptions, work: Work): boolean {
  if (layers === undefined || (Array.isArray(layers) && layers.length === 0)) return true;
  const index = layerIndex(path, asList(layersPattern || []), work);
  return index !== undefined && asList(layers).includes(index);
}

/** The entry of `targets` that matches a module. */
function matchTarget(path: string, options: TargetOptions, names: Name[], work: Work): Name | undefined {
  const { targets } = options;
  if (typeof targets === 'string')
    return fullMatch(targets, path, work) ? { name: path.slice(path.lastIndexOf('.') + 1), slices: [] } : undefined;
  const exact = names.find(({ name }) => name === path);
  if (exact) return exact;
  const name = names.find(candidate => path.endsWith(`.${candidate.name}`));
  return name && isInLayers(path, options, work) ? name : undefined;
}

/** The weight of an adapted module, `[in, out]`. Throws for a block, which has none. */
export function weightOf(module: Adaptable): Parameter {
  const { weight, path } = module;
  check(
    weight,
    'not-supported',
    () => `${path}, a ${module.constructor.name}, is a block: it has no weight of its own.`,
  );
  return weight;
}

/** The modules that a method can adapt besides linear ones. */
export interface TargetKinds {
  /** Blocks without a weight of their own that tell their widths. */
  readonly blocks?: boolean;
  /** Convolutions over patches. */
  readonly convolutions?: boolean;
}

const isConvolution = (module: Partial<Adaptable>): boolean => module.kernel !== undefined;

function isAdaptable(module: Module, { blocks, convolutions }: TargetKinds): module is Adaptable {
  if (module instanceof Linear) return true;
  if (isConvolution(module)) return convolutions ?? false;
  return (blocks ?? false) && 'inFeatures' in module && 'outFeatures' in module;
}

type NamedSlice = NonNullable<Target['slice']>;

/** A module by the name that options use, or a part of a fused projection with a name of its own. */
interface NamedPlace {
  /** Its name there. */
  readonly path: string;
  /** Our own path of the module. */
  readonly at: string;
  readonly module: Module;
  readonly part?: NamedSlice;
}

/** Part `index` of a fused projection's `count` equal parts, if it is one of its slices. */
function partOf(module: Partial<Adaptable>, index: number, count: number): NamedSlice | undefined {
  const start = (index * (module.outFeatures ?? 0)) / count;
  const found = Object.entries(module.slices ?? {}).find(([, slice]) => slice.start === start);
  return found && { ...found[1], name: found[0] };
}

/** All modules below the root, by their paths or by another library's names. */
export function* placesIn(root: Module, naming: ModuleNaming | undefined): Generator<NamedPlace> {
  for (const [at, module] of modules(root)) {
    if (at === '') continue;
    const names = namesOf(naming, at);
    for (const [i, path] of names.entries()) {
      const part = names.length > 1 ? partOf(module, i, names.length) : undefined;
      if (names.length === 1 || part) yield { path, at, module, ...(part && { part }) };
    }
  }
}

function targetsAt({ path, module, part }: NamedPlace, { name, slices }: Name, kinds: TargetKinds): Target[] {
  check(isAdaptable(module, kinds), 'not-supported', () => {
    const others = [kinds.convolutions && 'convolutions', kinds.blocks && 'blocks that tell their widths'];
    const adaptable = ['linear modules', ...others.filter(kind => kind)].join(' and ');
    const what = `${module.constructor.name}${isConvolution(module) ? ' (a convolution)' : ''}`;
    return (
      `Target "${name}" matches ${path}, a ${what}; only ${adaptable} can be adapted by this method. ` +
      `To leave it out, add "${path}" to exclude.`
    );
  });
  const { inFeatures, outFeatures, heads } = module;
  const parts = path.split('.');
  const own = parts.pop() ?? '';
  const inLayer = name.replace(/(^|\.)\d+(?=\.|$)/g, '');
  const common = { path, module, matched: name, inFeatures, layer: parts.join('.'), heads };
  if (part) {
    const role = part.role ?? usualRoles[own];
    return [{ ...common, id: path, slice: part, named: true, outFeatures: part.end - part.start, kind: inLayer, role }];
  }
  if (slices.length === 0) {
    const role = module.role ?? usualRoles[own];
    return [{ ...common, id: path, slice: undefined, outFeatures, kind: inLayer, role }];
  }
  return slices.map(sliceName => {
    const slice = module.slices?.[sliceName];
    check(slice, 'no-match', () => {
      const known = Object.keys(module.slices ?? {});
      return `${path} has no slice "${sliceName}"; ${known.length > 0 ? `it has ${known.join(', ')}` : 'it is not a fused projection'}.`;
    });
    return {
      ...common,
      id: `${path}[${sliceName}]`,
      slice: { ...slice, name: sliceName },
      outFeatures: slice.end - slice.start,
      kind: `${inLayer}[${sliceName}]`,
      role: slice.role ?? usualRoles[sliceName],
    };
  });
}

function unmatched(root: Module, pattern: string, linears: string[], option = ''): PeftError {
  return new PeftError(
    'no-match',
    `${option}No module matches ${quote(pattern)} in ${root.constructor.name} (${linears.length} linear modules); ` +
      `closest: ${closest(pattern, linears) ?? 'none'}.`,
  );
}

/** Refuses options without effect: names that match nothing, and layers where there are none. */
function requireEffect(
  root: Module,
  options: TargetOptions,
  paths: readonly string[],
  linears: string[],
  work: Work,
): void {
  const { targets, exclude = [], layers, layersPattern } = options;
  const patterns = asList(layersPattern ?? []).filter(pattern => pattern !== '');
  const chosen = asList<number>(layers ?? []);
  for (const rule of typeof exclude === 'string' ? [exclude] : exclude) {
    const isUsed = paths.some(path => matchesAny(typeof exclude === 'string' ? rule : [rule], path, work));
    if (!isUsed) throw unmatched(root, rule, linears, 'exclude: ');
  }
  check(
    chosen.length > 0 || patterns.length === 0,
    'bad-config',
    () => 'layersPattern is without effect unless layers are given.',
  );
  if (chosen.length === 0) return;
  check(
    typeof targets !== 'string',
    'bad-config',
    () => `layers are without effect unless targets are a list of names; "${targets}" is a regular expression.`,
  );
  for (const pattern of patterns) {
    const isUsed = paths.some(path => layerIndex(path, [pattern], work) !== undefined);
    if (!isUsed) throw unmatched(root, pattern, linears, 'layersPattern: ');
  }
  const there = new Set(paths.map(path => layerIndex(path, patterns, work)));
  const missing = chosen.find(layer => !there.has(layer));
  check(missing === undefined, 'no-match', () => {
    const known = [...there].filter(index => index !== undefined).sort((a, b) => a - b);
    const hint =
      known.length > 0 ? `there are ${known.join(', ')}` : 'paths here have none: name them in layersPattern';
    return `layers: there is no layer ${missing} in ${root.constructor.name}; ${hint}.`;
  });
}

/** How targets are looked up in a model. */
export interface ResolveOptions extends TargetKinds {
  /** Paths that are never adapted: modules that are trained and saved whole. */
  skipped?: readonly string[];
  /** Whether every name and pattern must match something, rather than one target at least; true unless given. */
  strict?: boolean;
  /** Whose names the options are in; our own paths unless given. */
  naming?: ModuleNaming;
}

/**
 * The places that `options` address in a model, in the order of its modules.
 *
 * @throws PeftError `no-match` that names the closest path; `not-supported` for a module that cannot be adapted
 */
export function resolveTargets(
  root: Module & { classifiers?: readonly string[] },
  options: TargetOptions,
  { skipped = [], strict = true, naming, ...kinds }: ResolveOptions = {},
): Target[] {
  const { targets, exclude } = options;
  check(targets.length > 0, 'no-match', () => {
    return `targets is ${typeof targets === 'string' ? 'an empty string' : 'an empty list'}; name at least one module.`;
  });
  const places = [...placesIn(root, naming)];
  const linears = places.flatMap(({ path, module }) => (module instanceof Linear ? [path] : []));
  const allLinear = typeof targets === 'string' && targets.toLowerCase() === 'all-linear';
  const names = typeof targets === 'string' ? [] : targets.map(parseName);
  const used = new Set<string>();
  const whole: string[] = [];
  const isSkipped = (path: string): boolean => skipped.some(name => isWithin(path, name));
  const work = boundedWork();
  const resolved = places.flatMap(place => {
    const { path, at, module } = place;
    if (matchesAny(exclude, path, work)) return [];
    if (allLinear) {
      const isTarget = module instanceof Linear && !root.classifiers?.includes(at) && !isSkipped(path);
      return isTarget ? targetsAt(place, { name: path, slices: [] }, kinds) : [];
    }
    const match = matchTarget(path, options, names, work);
    if (!match) return [];
    used.add(match.name);
    if (isSkipped(path)) {
      whole.push(path);
      return [];
    }
    return targetsAt(place, match, kinds);
  });
  if (strict)
    requireEffect(
      root,
      options,
      places.map(({ path }) => path),
      linears,
      work,
    );
  const unused = names.find(({ name }) => !used.has(name));
  check(resolved.length > 0 || whole.length === 0, 'no-match', () => {
    return `The targets match only ${quote(whole[0])}, which modulesToSave trains whole; name another target, or take it out there.`;
  });
  if (resolved.length === 0)
    throw unmatched(root, typeof targets === 'string' ? targets : (names[0]?.name ?? ''), linears);
  if (strict && unused) throw unmatched(root, unused.name, linears);
  return resolved;
}

/** The matches of a table of patterns by path, and the work left for more. */
interface PatternTable {
  readonly hits: Map<string, string | undefined>;
  readonly work: Work;
}

const tables = new WeakMap<object, PatternTable>();

function tableOf(patterns: Readonly<Record<string, unknown>>): PatternTable {
  const known = tables.get(patterns);
  if (known) return known;
  Object.keys(patterns).forEach(checkPattern);
  const table: PatternTable = { hits: new Map(), work: boundedWork() };
  tables.set(patterns, table);
  return table;
}

/** The first pattern of a table (peft's `rank_pattern`, `alpha_pattern`) that matches the end of a path. */
export function patternKey(patterns: Readonly<Record<string, unknown>>, path: string): string | undefined {
  const { hits, work } = tableOf(patterns);
  if (!hits.has(path)) {
    hits.set(
      path,
      Object.keys(patterns).find(pattern => fullMatch(`(?:.*\\.)?(?:${pattern})`, path, work)),
    );
  }
  return hits.get(path);
}

/** The value of the first pattern that matches the end of a path. */
export function patternValue<T>(patterns: Readonly<Record<string, T>>, path: string, otherwise: T): T {
  const hit = patternKey(patterns, path);
  return (hit === undefined ? undefined : patterns[hit]) ?? otherwise;
}
