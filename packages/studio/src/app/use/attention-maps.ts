import type { Attention } from '../../worker/protocol.ts';

/** What one map shows. */
export interface AttentionMap {
  /** Of each patch, row by row. */
  readonly shares: readonly number[];
  /** Their sum. The rest is on the tokens before the patches. */
  readonly onPatches: number;
}

/** The maps of a block before and after, of one head or the mean of all. */
export function mapsOf(
  { grid, depth, heads, frozen, adapted }: Attention,
  block: number,
  head?: number,
): AttentionMap[] {
  const tokens = frozen.length / depth / heads;
  const patches = grid[0] * grid[1];
  const chosen = head === undefined ? Array.from({ length: heads }, (_, i) => i) : [head];
  return [frozen, adapted].map(values => {
    const shares = Array.from({ length: patches }, (_, patch) => {
      const at = (row: number): number => values[(block * heads + row) * tokens + (tokens - patches) + patch] ?? 0;
      return chosen.reduce((sum, row) => sum + at(row), 0) / chosen.length;
    });
    return { shares, onPatches: shares.reduce((sum, share) => sum + share, 0) };
  });
}
