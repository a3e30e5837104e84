/** The middle of some numbers, or of the two in the middle; 0 if there are none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (sorted.length % 2 === 1) return sorted[middle];
  return sorted.length === 0 ? 0 : (sorted[middle - 1] + sorted[middle]) / 2;
}
