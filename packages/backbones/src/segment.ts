import { DropPath, type Module, modules, type Parameter, parameters } from '@peft/core';
import * as tf from '@tensorflow/tfjs-core';

/** A part of a backbone's forward pass: from one tensor to the next. The caller of `run` disposes of the result. */
export interface Segment {
  /** For people: `blocks.3`. */
  readonly name: string;
  /** The modules it runs. */
  readonly modules: readonly Module[];
  /** The backbone's own parameters that it uses beside theirs. */
  readonly parameters?: readonly Parameter[];
  run(x: tf.Tensor): tf.Tensor;
}

/** The segment that is the call of one module, for the first `rows` of its result or for all. */
export const moduleSegment = (module: Module, rows?: number): Segment => ({
  name: module.path,
  modules: [module],
  run: x => module.call(x, rows),
});

/** One segment after another. */
export const runSegments = (segments: readonly Segment[], x: tf.Tensor): tf.Tensor =>
  tf.tidy(() => segments.reduce((h, { run }) => run(h), x));

const tree = ({ modules: roots }: Segment): Module[] => roots.flatMap(root => [...modules(root)].map(([, it]) => it));

/** Whether nothing patches the segment and none of these variables is among its parameters. */
function isFrozen(segment: Segment, variables: { has(variable: tf.Variable): boolean }): boolean {
  const own = segment.modules.flatMap(root => [...parameters(root)].map(([, parameter]) => parameter));
  const all = [...own, ...(segment.parameters ?? [])];
  return tree(segment).every(module => module.isPristine) && !all.some(({ value }) => variables.has(value));
}

/** The stochastic depth in it, in training. */
export const dropRate = (segment: Segment): number =>
  Math.max(0, ...tree(segment).map(module => (module instanceof DropPath ? module.rate : 0)));

/** How many of the first segments are frozen. */
export function frozenCount(segments: readonly Segment[], variables: { has(variable: tf.Variable): boolean }): number {
  const adapted = segments.findIndex(segment => !isFrozen(segment, variables));
  return adapted < 0 ? segments.length : adapted;
}
