/** The largest absolute difference of two lists of the same length. */
export const largestDifference = (a: Float32Array, b: Float32Array): number =>
  a.reduce((worst, value, i) => Math.max(worst, Math.abs(value - (b[i] ?? Number.NaN))), 0);

/** The largest allowed difference of logits: a share of the largest logit, or of 1 if all are smaller. */
export const allowed = (logits: Float32Array, part: number): number =>
  part * logits.reduce((largest, value) => Math.max(largest, Math.abs(value)), 1);
