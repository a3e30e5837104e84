import { DropPath, type Module, modules, type Parameter, parameters, type Variables } from '@peft/core';
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

/** The segment that calls one module. */
export const moduleSegment = (module: Module): Segment => ({
  name: module.path,
  modules: [module],
  run: x => module.call(x),
});

/** Runs segments in order. */
export const runSegments = (segments: readonly Segment[], x: tf.Tensor): tf.Tensor =>
  tf.tidy(() => segments.reduce((h, { run }) => run(h), x));

const tree = ({ modules: roots }: Segment): Module[] => roots.flatMap(root => [...modules(root)].map(([, it]) => it));

/** Whether none of these variables is among the segment's parameters or those of its patches. */
function isFrozen(segment: Segment, variables: Variables): boolean {
  const own = segment.modules.flatMap(root => [...parameters(root)].map(([, parameter]) => parameter));
  const all = [...own, ...(segment.parameters ?? [])];
  return !all.some(({ value }) => variables.has(value)) && !tree(segment).some(it => it.patchesDependOn(variables));
}

/** Whether nothing patches the segment. */
const isPristine = (segment: Segment): boolean => tree(segment).every(module => module.isPristine);

/** The stochastic depth in it, in training. */
export const dropRate = (segment: Segment): number =>
  Math.max(0, ...tree(segment).map(module => (module instanceof DropPath ? module.rate : 0)));

const countUntil = (segments: readonly Segment[], ends: (segment: Segment) => boolean): number => {
  const end = segments.findIndex(ends);
  return end < 0 ? segments.length : end;
};

/** The number of first segments that depend on none of these variables, so that they need no gradient. */
export const frozenCount = (segments: readonly Segment[], variables: Variables): number =>
  countUntil(segments, segment => !isFrozen(segment, variables));

/** The number of first segments that are frozen and not adapted, so that their outputs never change. */
export const pristineCount = (segments: readonly Segment[], variables: Variables): number =>
  countUntil(segments, segment => !isFrozen(segment, variables) || !isPristine(segment));
