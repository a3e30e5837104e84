import { check } from '../errors.ts';
import type { Method } from '../method/method.ts';
import { fullMatch } from '../method/pattern.ts';
import { resolveSites, type Site } from '../method/targets.ts';
import type { Module } from '../module/module.ts';
import { Parameter } from '../module/parameter.ts';
import { parameters } from '../module/tree.ts';

/** A base parameter of which an adapter keeps its own copy. */
export interface SavedParameter {
  readonly base: Parameter;
  readonly own: Parameter;
}

/** What a method would put into a model: described, without values and without memory. */
export interface AdapterPlan {
  readonly method: Method;
  readonly sites: readonly Site[];
  /** The parameters of each site, in the order of {@link sites}; shared ones are the same object. */
  readonly bySite: readonly Record<string, Parameter>[];
  /** Every tensor of the adapter once, by a path of its own: `blocks.0.attn.qkv[q].A`. */
  readonly parameters: ReadonlyMap<string, Parameter>;
  /** Copies of base parameters, by path. */
  readonly saved: ReadonlyMap<string, SavedParameter>;
}

/** The base parameters that an adapter keeps copies of: whole modules, and biases. */
function planSaved(
  root: Module,
  { modulesToSave, bias = 'none' }: Method,
  sites: readonly Site[],
): Map<string, SavedParameter> {
  const adapted = new Set(sites.map(({ path }) => `${path}.bias`));
  const all = [...parameters(root)].filter(([, { fixed }]) => !fixed);
  for (const name of modulesToSave) {
    const pattern = `(?:.*\\.)?${name}(?:\\..*)?`;
    check(
      name === '*' || all.some(([path]) => fullMatch(pattern, path)),
      'no-match',
      () => `modulesToSave: no module that can be trained is called "${name}" in ${root.constructor.name}.`,
    );
  }
  const isSaved = (path: string): boolean =>
    modulesToSave.some(name => name === '*' || fullMatch(`(?:.*\\.)?${name}\\..*|${name}`, path)) ||
    (bias === 'all' && path.endsWith('.bias')) ||
    (bias === 'adapted' && adapted.has(path));
  return new Map(
    all
      .filter(([path]) => isSaved(path))
      .map(([path, base]) => [path, { base, own: new Parameter(base.shape, base.init, { layout: base.layout }) }]),
  );
}

/**
 * Lays out an adapter on a model. It costs no memory, so that it also answers how many parameters a method has on a
 * model without weights.
 *
 * @param strict whether every name of a list of targets must match something
 */
export function planAdapter(root: Module, method: Method, { strict = true } = {}): AdapterPlan {
  const { targets, modulesToSave, blocks } = method;
  const sites = targets ? resolveSites(root, targets, { skipped: modulesToSave, strict, blocks }) : [];
  const unique = new Map<string, Parameter>();
  const bySite = sites.map(site => {
    const specs = Object.entries(method.parameters(site, sites));
    return Object.fromEntries(
      specs.map(([name, { shape, init, layout, frozen, share }]) => {
        const path = `${share ?? site.id}.${name}`;
        const known = unique.get(path);
        const parameter = known ?? new Parameter(shape, init, { layout, fixed: frozen });
        check(
          String(parameter.shape) === String(shape),
          'bad-config',
          () => `${path} is shared by sites that want it as [${parameter.shape}] and as [${shape}] (${site.id}).`,
        );
        unique.set(path, parameter);
        return [name, parameter];
      }),
    );
  });
  return { method, sites, bySite, parameters: unique, saved: planSaved(root, method, sites) };
}

/**
 * What is left of a method once its stages have passed, for counting before anything is trained: every gate scores the same,
 * and every value is zero.
 */
export function planSettled(root: Module, method: Method, options: { strict?: boolean } = {}): AdapterPlan {
  const plan = planAdapter(root, method, options);
  const { stage } = method;
  if (!stage || stage.repeats) return plan;
  const { sites, bySite } = plan;
  const scores = sites.map(site => [site.id, new Float64Array(stage.gate?.(site, sites)?.groups ?? 0)] as const);
  const values = sites.map((site, i) => {
    const zeros = Object.entries(bySite[i]).map(([name, { size }]) => [name, new Float32Array(size)]);
    return { site, values: Object.fromEntries(zeros) };
  });
  return planSettled(root, stage.next(new Map(scores), values).method, options);
}
