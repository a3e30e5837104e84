/** PIL's and PyTorch's antialiased cubic kernel (Keys 1981, a = -1/2), zero outside [-2, 2]. */
const cubic = (x: number): number => {
  const t = Math.abs(x);
  if (t < 1) return (1.5 * t - 2.5) * t * t + 1;
  if (t < 2) return ((-0.5 * t + 2.5) * t - 4) * t + 2;
  return 0;
};

/** For each output position, the first input it uses and their weights, which sum to 1. */
function taps(from: number, to: number): { start: number; weights: number[] }[] {
  const scale = from / to;
  const stretch = Math.max(scale, 1); // antialiasing: a wider kernel when shrinking
  return Array.from({ length: to }, (_, i) => {
    const center = scale * (i + 0.5);
    const start = Math.max(Math.trunc(center - 2 * stretch + 0.5), 0);
    const end = Math.min(Math.trunc(center + 2 * stretch + 0.5), from);
    const raw = Array.from({ length: end - start }, (_, j) => cubic((start + j - center + 0.5) / stretch));
    const sum = raw.reduce((total, weight) => total + weight, 0);
    return { start, weights: raw.map(weight => weight / sum) };
  });
}

/** Resizes axis 1 of `[outer, from, inner]` to `to`. */
function resizeAxis(values: Float32Array, outer: number, from: number, inner: number, to: number): Float32Array {
  const result = new Float32Array(outer * to * inner);
  for (const [i, { start, weights }] of taps(from, to).entries()) {
    for (let o = 0; o < outer; o++) {
      const target = (o * to + i) * inner;
      for (const [j, weight] of weights.entries()) {
        const source = (o * from + start + j) * inner;
        for (let c = 0; c < inner; c++) result[target + c]! += weight * values[source + c]!;
      }
    }
  }
  return result;
}

/** Bicubic with antialiasing, as `torch.nn.functional.interpolate`: `[h, w, channels]` to another height and width. */
function resizeGrid(
  values: Float32Array,
  from: readonly [number, number],
  to: readonly [number, number],
): Float32Array {
  const channels = values.length / from[0] / from[1];
  const wide = resizeAxis(values, from[0], from[1], channels, to[1]); // [h, w', c]
  return resizeAxis(wide, 1, from[0], to[1] * channels, to[0]); // [h', w', c]
}

/**
 * A position embedding for another grid, as timm's `resample_abs_pos_embed`.
 *
 * @param values `[prefix + h * w, D]`; the prefix rows are kept as they are
 * @returns `[prefix + h' * w', D]`
 */
export function resamplePositions(
  values: Float32Array,
  prefix: number,
  from: readonly [number, number],
  to: readonly [number, number],
): Float32Array {
  if (from[0] === to[0] && from[1] === to[1]) return values;
  const features = values.length / (prefix + from[0] * from[1]);
  const kept = values.subarray(0, prefix * features);
  const grid = resizeGrid(values.subarray(prefix * features), from, to);
  const result = new Float32Array(kept.length + grid.length);
  result.set(kept);
  result.set(grid, kept.length);
  return result;
}
