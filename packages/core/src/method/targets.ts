import { closest } from '../closest.ts';
import { check, PeftError } from '../errors.ts';
import { Linear, type Slice } from '../module/layers.ts';
import type { Module } from '../module/module.ts';
import type { Parameter } from '../module/parameter.ts';
import { modules } from '../module/tree.ts';
import { compile, fullMatch } from './pattern.ts';

/** Which modules a method adapts: the rules of Hugging Face peft (`tuners_utils.check_target_module_exists`). */
export interface TargetOptions {
  /**
   * A list of names, each equal to a path or to its end after a dot, with slices of a fused projection in brackets
   * (`attn.qkv[q,v]`); or one regular expression that a whole path must match; or `'all-linear'`: every linear module
   * but the classifiers.
   */
  targets: string | readonly string[];
  /** A list of names or one regular expression, by the same rules; what matches is left alone. */
  exclude?: string | readonly string[];
  /** Only layers of these indices (with a list of names as `targets`). */
  layers?: number | readonly number[];
  /** The name before the index; without it, the first number that has something before the list's name. */
  layersPattern?: string | readonly string[];
}

/**
 * What an adapter can sit on: a {@link Linear}, or a block, such as an MLP, that tells its widths and has no weight of its
 * own. Blocks are for methods that declare `blocks`.
 */
export interface Adaptable extends Module {
  readonly inFeatures: number;
  readonly outFeatures: number;
  /** `[in, out]`. */
  readonly weight?: Parameter;
  readonly bias?: Parameter;
  readonly slices?: Readonly<Record<string, Slice>>;
  readonly heads?: number;
}

/** A place that a method adapts: a module, or a slice of a fused projection's outputs. */
export interface Site {
  /** The module's path. */
  readonly path: string;
  /** The path, with the slice's name in brackets if there is one: unique in an adapter. */
  readonly id: string;
  readonly module: Adaptable;
  /** The name that matched, without slices: what peft groups shared parameters by. */
  readonly target: string;
  readonly slice: (Slice & { readonly name: string }) | undefined;
  readonly inFeatures: number;
  readonly outFeatures: number;
}

interface Name {
  name: string;
  slices: string[];
}

const endsWithName = (path: string, name: string): boolean => path === name || path.endsWith(`.${name}`);

const matchesAny = (rule: string | readonly string[] | undefined, path: string): boolean => {
  if (rule === undefined || rule.length === 0) return false;
  return typeof rule === 'string' ? fullMatch(rule, path) !== null : rule.some(name => endsWithName(path, name));
};

const parseName = (entry: string): Name => {
  const [, name, slices] = entry.match(/^(.*?)(?:\[([\w\s,]+)\])?$/) ?? [];
  return { name: name ?? entry, slices: slices ? slices.split(',').map(slice => slice.trim()) : [] };
};

const asList = <T>(value: T | readonly T[]): readonly T[] => (Array.isArray(value) ? value : [value as T]);

/** The index of the layer that a path lies in, as peft finds it. */
function layerIndex(path: string, patterns: readonly string[]): number | undefined {
  const expressions = patterns.length > 0 ? patterns.map(name => `(?:^|.*?\\.)${name}`) : ['.*?\\.[^.]*'];
  for (const expression of expressions) {
    const match = path.match(compile(`^(?:${expression}\\.(\\d+)\\.)`, patterns.join(', ')));
    if (match) return Number(match.at(-1));
  }
  return undefined;
}

function isInLayers(path: string, { layers, layersPattern }: TargetOptions): boolean {
  if (layers === undefined || (Array.isArray(layers) && layers.length === 0)) return true;
  const index = layerIndex(path, asList(layersPattern || []));
  return index !== undefined && asList(layers).includes(index);
}

/** The entry by which a module is a target, or nothing. */
function matchTarget(path: string, options: TargetOptions, names: Name[]): Name | undefined {
  const { targets } = options;
  if (typeof targets === 'string')
    return fullMatch(targets, path) ? { name: path.split('.').slice(-1)[0], slices: [] } : undefined;
  const exact = names.find(({ name }) => name === path);
  if (exact) return exact;
  const name = names.find(candidate => path.endsWith(`.${candidate.name}`));
  return name && isInLayers(path, options) ? name : undefined;
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

const isAdaptable = (module: Module, blocks: boolean): module is Adaptable =>
  module instanceof Linear || (blocks && 'inFeatures' in module && 'outFeatures' in module);

function sitesOf(path: string, module: Module, { name, slices }: Name, blocks: boolean): Site[] {
  check(
    isAdaptable(module, blocks),
    'not-supported',
    () =>
      `Target "${name}" matches ${path}, a ${module.constructor.name}; ` +
      `only linear modules${blocks ? ' and blocks that tell their widths' : ''} can be adapted.`,
  );
  const { inFeatures, outFeatures } = module;
  if (slices.length === 0) return [{ path, id: path, module, target: name, slice: undefined, inFeatures, outFeatures }];
  return slices.map(sliceName => {
    const slice = module.slices?.[sliceName];
    check(slice, 'no-match', () => {
      const known = Object.keys(module.slices ?? {});
      return `${path} has no slice "${sliceName}"; ${known.length > 0 ? `it has ${known.join(', ')}` : 'it is not a fused projection'}.`;
    });
    const id = `${path}[${sliceName}]`;
    const width = slice.end - slice.start;
    return { path, id, module, target: name, slice: { ...slice, name: sliceName }, inFeatures, outFeatures: width };
  });
}

function unmatched(root: Module, pattern: string, linears: string[]): PeftError {
  return new PeftError(
    'no-match',
    `No module matches ${JSON.stringify(pattern)} in ${root.constructor.name} (${linears.length} linear modules); ` +
      `closest: ${closest(pattern, linears) ?? 'none'}.`,
  );
}

/**
 * The places that `options` address in a model, in the order of its modules.
 *
 * @param skipped paths that are never adapted: modules that are trained and saved whole
 * @param strict whether every name of a list must match something, rather than at least one
 * @param blocks whether blocks without a weight of their own may be targets too
 */
export function resolveSites(
  root: Module & { classifiers?: readonly string[] },
  options: TargetOptions,
  {
    skipped = [],
    strict = true,
    blocks = false,
  }: { skipped?: readonly string[]; strict?: boolean; blocks?: boolean } = {},
): Site[] {
  const { targets, exclude } = options;
  const tree = [...modules(root)].filter(([path]) => path !== '');
  const linears = tree.flatMap(([path, module]) => (module instanceof Linear ? [path] : []));
  const allLinear = typeof targets === 'string' && targets.toLowerCase() === 'all-linear';
  const names = typeof targets === 'string' ? [] : targets.map(parseName);
  const used = new Set<string>();
  const isSkipped = (path: string): boolean =>
    skipped.some(name => fullMatch(`(?:.*\\.)?${name}(?:\\..*)?`, path) !== null);
  const sites = tree.flatMap(([path, module]) => {
    if (matchesAny(exclude, path)) return [];
    if (allLinear) {
      const isTarget = module instanceof Linear && !root.classifiers?.includes(path) && !isSkipped(path);
      return isTarget ? sitesOf(path, module, { name: path, slices: [] }, blocks) : [];
    }
    const match = matchTarget(path, options, names);
    if (!match) return [];
    used.add(match.name);
    if (isSkipped(path)) return [];
    return sitesOf(path, module, match, blocks);
  });
  const unused = names.find(({ name }) => !used.has(name));
  if (sites.length === 0)
    throw unmatched(root, typeof targets === 'string' ? targets : (names[0]?.name ?? ''), linears);
  if (strict && unused) throw unmatched(root, unused.name, linears);
  return sites;
}

/** The value for a site in a table of patterns (peft's `rank_pattern`, `alpha_pattern`): the first key that ends its path. */
export function patternValue<T>(patterns: Readonly<Record<string, T>>, path: string, otherwise: T): T {
  const hit = Object.keys(patterns).find(pattern => fullMatch(`(?:.*\\.)?(?:${pattern})`, path));
  return hit === undefined ? otherwise : patterns[hit];
}
