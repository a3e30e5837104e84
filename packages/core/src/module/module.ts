import * as tf from '@tensorflow/tfjs-core';
import { PeftError } from '../errors.ts';
import { markClass } from './copies.ts';

/**
 * What a patch changes of a module's call. Patches apply in the order in which they were added: each sees the result of
 * those before it.
 */
export interface Patch {
  /** `x -> x'`, before the module runs. */
  input?(x: tf.Tensor): tf.Tensor;
  /** `W -> W'`, for modules that have a weight: see {@link Linear}. */
  weight?(weight: tf.Tensor): tf.Tensor;
  /** `y -> y'`, given the module's (patched) input too. */
  output?(y: tf.Tensor, x: tf.Tensor): tf.Tensor;
  /**
   * Whether `input` and `output` map each row (token) by itself, so that a model may leave out rows that it does not read.
   * False unless given.
   */
  readonly rowwise?: boolean;
  /** Whether the patch depends on any of these variables; true unless given. */
  dependsOn?(variables: Variables): boolean;
}

/** Variables that a loss is differentiated with respect to. */
export interface Variables {
  has(variable: tf.Tensor): boolean;
}

/**
 * A node of a model: a function of a tensor, with named parameters and named children.
 *
 * Write a model as fields and a `forward`, as in PyTorch. Fields that hold a `Module`, a `Parameter` or an array of modules
 * are its children and parameters, and their names make the paths: `blocks.3.attn.qkv`.
 *
 * ```ts
 * class Net extends Module {
 *   readonly fc1 = new Linear(4, 8);
 *   readonly fc2 = new Linear(8, 3);
 *   forward(x: tf.Tensor) {
 *     return this.fc2.call(tf.relu(this.fc1.call(x)));
 *   }
 * }
 * ```
 */
export abstract class Module {
  static {
    markClass(Module);
  }

  /** The path from the root, set by {@link bindPaths}; empty for the root and for modules outside a tree. */
  path = '';
  readonly #patches: { readonly change: Patch }[] = [];

  /** The targets of methods that are given none; undefined unless a model has defaults. */
  get defaultTargets(): readonly string[] | undefined {
    return undefined;
  }

  /** The module's own maths. Call children by {@link call}, so that they can be patched. */
  abstract forward(x: tf.Tensor): tf.Tensor;

  /** Runs the module with its patches. Intermediate tensors are disposed of; the result belongs to the caller. */
  call(x: tf.Tensor): tf.Tensor {
    return tf.tidy(() => {
      try {
        const input = this.#patches.reduce((t, { change }) => change.input?.(t) ?? t, x);
        const output = this.#patches.reduce((y, { change }) => change.output?.(y, input) ?? y, this.forward(input));
        return output === x || output instanceof tf.Variable ? tf.clone(output) : output;
      } catch (error) {
        throw locate(error, this);
      }
    });
  }

  /** The weight with the patches applied. */
  protected patchedWeight(weight: tf.Tensor): tf.Tensor {
    return this.#patches.reduce((t, { change }) => change.weight?.(t) ?? t, weight);
  }

  /** Adds a patch, and returns a function that removes it. Prefer {@link patch}. */
  addPatch(change: Patch): () => void {
    const entry = { change }; // the same change may be made twice, and each is undone by itself
    this.#patches.push(entry);
    return () => {
      const index = this.#patches.indexOf(entry);
      if (index >= 0) this.#patches.splice(index, 1);
    };
  }

  /** Whether patches of this module depend on any of these. */
  patchesDependOn(variables: Variables): boolean {
    return this.#patches.some(({ change }) => change.dependsOn?.(variables) ?? true);
  }

  /** Whether every patch maps each row by itself; true without patches. */
  get isPatchedRowwise(): boolean {
    return this.#patches.every(({ change: { input, output, rowwise } }) => rowwise ?? !(input || output));
  }

  /** Whether nothing patches this module. */
  get isPristine(): boolean {
    return this.#patches.length === 0;
  }
}

/** Changes what a module does when called, until the returned function is called: the one primitive of adaptation. */
export const patch = (module: Module, change: Patch): (() => void) => module.addPatch(change);

const located = new WeakSet<Error>();

/**
 * The error with the path of the innermost module that it arose in. One that is not ours stays what it is, a `TypeError` or
 * one with a `code` of its own, and only says more.
 */
function locate(error: unknown, module: Module): unknown {
  if (!(error instanceof Error) || located.has(error)) return error;
  const message = `${error.message}\n  in ${module.path || 'the root module'} (${module.constructor.name})`;
  const placed = error instanceof PeftError ? new PeftError(error.code, message, { cause: error }) : error;
  if (placed === error)
    Reflect.defineProperty(error, 'message', { value: message, configurable: true, writable: true });
  located.add(placed);
  return placed;
}
