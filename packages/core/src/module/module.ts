import * as tf from '@tensorflow/tfjs-core';
import { PeftError } from '../errors.ts';

/**
 * What a patch may change of a module's call. Patches apply in the order they were made: each sees what the ones before
 * it left.
 */
export interface Patch {
  /** `x -> x'`, before the module runs. */
  input?(x: tf.Tensor): tf.Tensor;
  /** `W -> W'`, for modules that have a weight: see {@link Linear}. */
  weight?(weight: tf.Tensor): tf.Tensor;
  /** `y -> y'`, with the module's own (patched) input beside it. */
  output?(y: tf.Tensor, x: tf.Tensor): tf.Tensor;
  /**
   * Whether `input` and `output` map each row (token) by itself, so that a model may leave out rows that it does not read.
   * False unless given.
   */
  readonly rowwise?: boolean;
  /** Whether what it gives depends on any of these; true unless given. */
  dependsOn?(variables: Variables): boolean;
}

/** Tensors that something is differentiated by. */
export interface Variables {
  has(variable: tf.Tensor): boolean;
}

/**
 * A function of a tensor with named parameters and named children: a node of a model.
 *
 * A model is written as fields and a `forward`. Fields that hold a `Module`, a `Parameter` or an array of modules are its
 * children and parameters, and their names make the paths: `blocks.3.attn.qkv`.
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
  /** The path from the root, set by {@link bindPaths}; empty for the root and for modules outside a tree. */
  path = '';
  readonly #patches: { readonly change: Patch }[] = [];

  /** What methods adapt in it that are given no targets, by the rules of targets; nothing unless a model says so. */
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
        throw located(error, this);
      }
    });
  }

  /** The weight as the patches leave it. */
  protected patchedWeight(weight: tf.Tensor): tf.Tensor {
    return this.#patches.reduce((t, { change }) => change.weight?.(t) ?? t, weight);
  }

  /** Adds a patch; the function returned takes it away again. Prefer {@link patch}. */
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

  /** Whether its patches, if it has any, map each row by itself. */
  get isPatchedRowwise(): boolean {
    return this.#patches.every(({ change: { input, output, rowwise } }) => rowwise ?? !(input || output));
  }

  /** Whether nothing patches this module. */
  get isPristine(): boolean {
    return this.#patches.length === 0;
  }
}

/** The one primitive of adaptation: changes what a module does when it is called, until the returned function is called. */
export const patch = (module: Module, change: Patch): (() => void) => module.addPatch(change);

const locations = new WeakSet<PeftError>();

/** Adds to an error, once, where in the tree it arose. */
function located(error: unknown, module: Module): unknown {
  if (!(error instanceof Error) || (error instanceof PeftError && locations.has(error))) return error;
  const where = `${module.path || 'the root module'} (${module.constructor.name})`;
  const code = error instanceof PeftError ? error.code : 'bad-shape';
  const wrapped = new PeftError(code, `${error.message}\n  in ${where}`, { cause: error });
  locations.add(wrapped);
  return wrapped;
}
