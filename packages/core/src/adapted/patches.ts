import type { Adaptable } from '../method/targets.ts';
import { type Patch, patch } from '../module/module.ts';
import type { Adapter } from './adapter.ts';

/** The patches of adapted modules: each is made when an adapter first needs it, and undone when none does. */
export class Patches {
  readonly #make: (module: Adaptable) => Patch;
  readonly #undo = new Map<Adaptable, () => void>();

  constructor(make: (module: Adaptable) => Patch) {
    this.#make = make;
  }

  /** Patches the modules that these adapters have targets in, and no others. */
  cover(adapters: Iterable<Adapter>): void {
    const needed = new Set([...adapters].flatMap(({ plan }) => plan.targets.map(({ module }) => module)));
    for (const [module, undo] of this.#undo) {
      if (needed.has(module)) continue;
      undo();
      this.#undo.delete(module);
    }
    for (const module of needed) if (!this.#undo.has(module)) this.#undo.set(module, patch(module, this.#make(module)));
  }
}
