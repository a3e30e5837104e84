import { PeftError } from '../errors.ts';
import { fold, type Key } from '../tensor/random.ts';
import { refuseOtherCopy } from './copies.ts';
import { Module } from './module.ts';
import { Parameter } from './parameter.ts';

const join = (prefix: string, name: string): string => (prefix ? `${prefix}.${name}` : name);

/** The named children of one module, in the order of its fields. */
export function* children(module: Module): Generator<[string, Module]> {
  for (const [name, value] of Object.entries(module)) {
    if (value instanceof Module) yield [name, value];
    else if (Array.isArray(value)) {
      for (const [i, item] of value.entries()) {
        if (item instanceof Module) yield [`${name}.${i}`, item];
        else refuseOtherCopy(item, `${name}.${i}`);
      }
    } else refuseOtherCopy(value, name);
  }
}

/** Every module with its path, the root first with the path given. */
export function* modules(root: Module, path = ''): Generator<[string, Module]> {
  if (!(root instanceof Module)) refuseOtherCopy(root, 'The model');
  yield [path, root];
  for (const [name, child] of children(root)) yield* modules(child, join(path, name));
}

/** Every parameter with its path, `blocks.0.attn.qkv.weight`. */
export function* parameters(root: Module): Generator<[string, Parameter]> {
  for (const [path, module] of modules(root)) {
    for (const [name, value] of Object.entries(module)) {
      if (value instanceof Parameter) yield [join(path, name), value];
    }
  }
}

/** Sets the path of every module. Call it again after adding or replacing modules. */
export function bindPaths<M extends Module>(root: M): M {
  for (const [path, module] of modules(root)) module.path = path;
  return root;
}

/** The module at a path. */
export function getModule(root: Module, path: string): Module {
  for (const [at, module] of modules(root)) if (at === path) return module;
  throw new PeftError('no-match', `There is no module "${path}" in ${root.constructor.name}.`);
}

/** Initializes every parameter without values, each from the random stream of its own path. */
export function initialize<M extends Module>(root: M, from: Key): M {
  bindPaths(root);
  for (const [path, parameter] of parameters(root)) {
    if (!parameter.isMaterialized) parameter.initialize(fold(from, path));
  }
  return root;
}

/** Frees the values of every parameter. */
export function disposeModule(root: Module): void {
  for (const [, parameter] of parameters(root)) parameter.dispose();
}
