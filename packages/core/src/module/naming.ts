import type { Module } from './module.ts';

/** The names that another library's adapter files have for the modules and parameters of a model. */
export interface ModuleNaming {
  /** Recorded in the files: `hf-5.9`. */
  readonly id: string;
  /**
   * The library's names of a module or parameter, by our path. A fused projection has several: they name its equal parts, in
   * the order of its outputs. Undefined where the library has none.
   */
  names(path: string): readonly string[] | undefined;
}

/** A model that other libraries have names for. */
export interface NamedElsewhere {
  /** The namings that adapter files may use. */
  readonly namings?: readonly ModuleNaming[];
  /** The naming that adapters are saved in; our own paths unless given. */
  readonly naming?: ModuleNaming;
}

/** A model as adapter files address it. */
export type NamedModule = Module & NamedElsewhere;

/** The names of a path: those of a naming, or the path itself. */
export const namesOf = (naming: ModuleNaming | undefined, path: string): readonly string[] =>
  naming ? (naming.names(path) ?? []) : [path];
