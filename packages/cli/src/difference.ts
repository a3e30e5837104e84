/** The largest absolute difference of two lists of the same length. */
export const largestDifference = (a: Float32Array, b: Float32Array): number =>
  a.reduce((worst, value, i) => Math.max(worst, Math.abs(value - b[i])), 0);

/** A part of the largest logit, or of 1 where all are smaller: by how much logits may differ. */
export const allowed = (logits: Float32Array, part: number): number =>
  part * logits.reduce((largest, value) => Math.max(largest, Math.abs(value)), 1);
