/** Probabilities of logits. */
export function softmax(logits: ArrayLike<number>): Float32Array {
  const values = Float32Array.from(logits);
  const largest = values.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY);
  const powers = values.map(value => Math.exp(value - largest));
  const sum = powers.reduce((total, value) => total + value, 0);
  return powers.map(value => value / sum);
}
