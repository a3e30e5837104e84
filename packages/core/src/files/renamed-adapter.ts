import type { Adapter } from '../adapted/adapter.ts';
import { type AdapterPlan, planAdapter } from '../adapted/plan.ts';
import type { RenamedTargets, TargetValues } from '../method/method.ts';
import { placesIn, type Target } from '../method/targets.ts';
import type { Module } from '../module/module.ts';
import type { ModuleNaming, NamedModule } from '../module/naming.ts';

/** The parts of an adapter that are written: its plan, with the method, and the values of the plan's targets. */
export interface AdapterForm {
  readonly plan: AdapterPlan;
  readonly values: TargetValues;
}

/** The names of a target: one for a slice or a module, several for the whole of a fused projection. */
function namesOfTarget({ path, slice, module }: Target, naming: ModuleNaming): readonly string[] | undefined {
  const names = naming.names(path);
  if (!names || !slice || names.length === 1) return slice && names?.length === 1 ? undefined : names;
  const index = (slice.start * names.length) / module.outFeatures;
  const name = names[index];
  const isPart = slice.end - slice.start === module.outFeatures / names.length;
  return isPart && name !== undefined ? [name] : undefined;
}

/** The last parts of names, where they address these names alone; else the names. */
function shortNames(chosen: ReadonlySet<string>, all: readonly string[]): string[] {
  const last = (name: string): string => name.slice(name.lastIndexOf('.') + 1);
  const ends = new Set([...chosen].map(last));
  const isExact = all.every(name => chosen.has(name) || !ends.has(last(name)));
  return [...(isExact ? ends : chosen)].sort();
}

/** The method in other names; undefined if a target or a saved module has none. */
function renaming({ plan, method }: Adapter, root: Module, naming: ModuleNaming): RenamedTargets | undefined {
  const named = plan.targets.flatMap(target => {
    const names = namesOfTarget(target, naming);
    return names ? [{ target, names }] : [];
  });
  const saved = method.modulesToSave.map(module => (module === '*' ? [module] : naming.names(module)));
  const modulesToSave = saved.flatMap(names => names ?? []);
  const isWhole = named.length === plan.targets.length && saved.every(names => names !== undefined);
  if (!isWhole || [...plan.saved.keys()].some(path => !naming.names(path))) return undefined;
  const chosen = new Set(named.flatMap(({ names }) => names));
  const all = [...placesIn(root, naming)].map(({ path }) => path);
  return { targets: shortNames(chosen, all), modulesToSave, names: named };
}

/** An adapter under another library's names; undefined if it has no such form, or is in that form already. */
export async function renamedAdapter(
  adapter: Adapter,
  root: Module,
  naming: ModuleNaming,
): Promise<AdapterForm | undefined> {
  const { method, plan } = adapter;
  const names = plan.naming ? undefined : renaming(adapter, root, naming);
  const renamed = names && method.files?.renamed?.(names);
  if (!names || !renamed) return undefined;
  const keeps = (path: string): boolean => plan.kept.has(path);
  const after = planAdapter(root, renamed, { strict: false, keeps, naming });
  const values = new Map((await adapter.targetValues()).map(entry => [entry.target, entry]));
  const byName = new Map(
    names.names.flatMap(({ target, names: all }) => all.map(name => [name, values.get(target)] as const)),
  );
  const moved = after.targets.map(target => {
    const from = byName.get(target.path);
    if (!from) throw new Error(`${target.path} was not adapted.`);
    const isCut = target.slice !== undefined && from.target.slice === undefined;
    return { target, values: isCut ? method.files?.part?.(from, target.slice) : from.values };
  });
  const isComplete = moved.every((entry): entry is TargetValues[number] => entry.values !== undefined);
  return isComplete ? { plan: { ...after, saved: plan.saved }, values: moved } : undefined;
}

/** The naming whose names the most tensors lie in; undefined for our own paths. */
export function detectNaming(root: NamedModule, keys: readonly string[]): ModuleNaming | undefined {
  const hits = (naming: ModuleNaming | undefined): number => {
    const paths = new Set([...placesIn(root, naming)].map(({ path }) => path));
    return keys.filter(key => {
      const parts = key.split('.');
      return parts.some((_, i) => paths.has(parts.slice(0, i).join('.')));
    }).length;
  };
  let best: { naming: ModuleNaming | undefined; hits: number } = { naming: undefined, hits: hits(undefined) };
  if (best.hits === keys.length) return undefined;
  for (const naming of root.namings ?? []) {
    const found = hits(naming);
    if (found > best.hits) best = { naming, hits: found };
  }
  return best.naming;
}
