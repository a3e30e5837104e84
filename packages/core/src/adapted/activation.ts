import { check } from '../errors.ts';
import type { Adaptable } from '../method/targets.ts';
import type { Parameter } from '../module/parameter.ts';
import type { Adapter, AttachedTarget } from './adapter.ts';

/** The adapters in use, indexed by module, so that a forward pass searches nothing. */
export class Activation {
  #adapters: readonly Adapter[] = [];
  #enabled = true;
  #merged: readonly Adapter[] = [];
  #byModule: ReadonlyMap<Adaptable, readonly AttachedTarget[]> = new Map();

  /** The adapters in use, in order. */
  get adapters(): readonly Adapter[] {
    return this.#adapters;
  }

  get enabled(): boolean {
    return this.#enabled;
  }

  /** The targets of a module that act now, in the order of their adapters. */
  at(module: Adaptable): readonly AttachedTarget[] {
    return this.#byModule.get(module) ?? [];
  }

  /**
   * Uses exactly these adapters.
   *
   * @throws PeftError `state` if two of them have their own copy of the same parameter
   */
  use(adapters: readonly Adapter[]): void {
    requireOneOwner(adapters);
    this.#update({ adapters });
  }

  /** Lets the adapters in use act, or none. */
  enable(enabled: boolean): void {
    this.#update({ enabled });
  }

  /** Leaves out those of the adapters in use whose deltas are in the weights already. */
  leaveOut(merged: readonly Adapter[]): void {
    this.#update({ merged });
  }

  #update({ adapters = this.#adapters, enabled = this.#enabled, merged = this.#merged }): void {
    for (const { plan } of this.#adapters) for (const { base } of plan.saved.values()) base.redirect = undefined;
    this.#adapters = adapters;
    this.#enabled = enabled;
    this.#merged = merged;
    const acting = enabled ? adapters : [];
    for (const { plan } of acting) for (const { base, own } of plan.saved.values()) base.redirect = own;
    const targets = acting.filter(adapter => !merged.includes(adapter)).flatMap(adapter => adapter.attachedTargets);
    this.#byModule = byModule(targets);
  }
}

/** Targets in groups of one module each, in order. */
export function byModule(targets: readonly AttachedTarget[]): Map<Adaptable, AttachedTarget[]> {
  const groups = new Map<Adaptable, AttachedTarget[]>();
  for (const attached of targets) {
    const { module } = attached.target;
    groups.set(module, [...(groups.get(module) ?? []), attached]);
  }
  return groups;
}

/** Refuses adapters that each have their own copy of the same parameter: only one of them can stand in for it. */
export function requireOneOwner(adapters: readonly Adapter[]): void {
  const owners = new Map<Parameter, Adapter>();
  for (const adapter of adapters) {
    for (const [path, { base }] of adapter.plan.saved) {
      const other = owners.get(base);
      check(
        !other,
        'state',
        () =>
          `Adapters "${other?.name}" and "${adapter.name}" both have their own ${path}; use one of them ` +
          '(a second one is added with active: false).',
      );
      owners.set(base, adapter);
    }
  }
}
