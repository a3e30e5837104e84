import type * as tf from '@tensorflow/tfjs-core';

/** The source of an input that the caller does not give: a variable, or a tensor made outside the step. */
export type Source =
  | { readonly kind: 'variable'; readonly variable: tf.Variable }
  | { readonly kind: 'tensor'; readonly dataId: tf.DataId };

/** What a source is known by. */
export const ownerOf = (source: Source): tf.Variable | tf.DataId =>
  source.kind === 'variable' ? source.variable : source.dataId;

export const currentData = (source: Source): tf.DataId =>
  source.kind === 'variable' ? source.variable.dataId : source.dataId;

/** Parts of one source together, so that it is read once for all of them. */
export function bySource<Part extends { readonly source: Source }>(parts: readonly Part[]): Part[][] {
  const together = new Map<tf.Variable | tf.DataId, Part[]>();
  for (const part of parts) {
    const owner = ownerOf(part.source);
    together.set(owner, [...(together.get(owner) ?? []), part]);
  }
  return [...together.values()];
}
