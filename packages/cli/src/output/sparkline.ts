const glyphs = '▁▂▃▄▅▆▇█';

/** Draws a curve in at most `width` characters; each is the mean of its share of the values. */
export function sparkline(values: readonly number[], width = 32): string {
  if (values.length === 0) return '';
  const points = Array.from(
    { length: Math.min(width, values.length) },
    (_, i, all = Math.min(width, values.length)) => {
      const part = values.slice(Math.floor((i * values.length) / all), Math.floor(((i + 1) * values.length) / all));
      return part.reduce((sum, value) => sum + value, 0) / part.length;
    },
  );
  const [low, high] = [Math.min(...points), Math.max(...points)];
  return points.map(point => glyphs[Math.round(((point - low) / (high - low || 1)) * (glyphs.length - 1))]).join('');
}
