/** The edit distance of two strings (Levenshtein 1966). */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next[j] = Math.min(next[j - 1]! + 1, row[j]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1));
    }
    row = next;
  }
  return row[b.length]!;
}

/** Compares only the ends of longer strings: nobody mistypes a thousand characters. */
const comparedLength = 100;

/**
 * The candidates closest to `text`, the closest first. Paths are compared by as many of their last parts as `text` has.
 *
 * @param count how many
 */
export function closestOf(text: string, candidates: readonly string[], count: number): string[] {
  const parts = text.split('.').length;
  const end = text.slice(-comparedLength);
  const ranked = candidates.map(path => {
    const tail = path.split('.').slice(-parts).join('.').slice(-comparedLength);
    return { path, distance: editDistance(end, tail) };
  });
  ranked.sort((a, b) => a.distance - b.distance);
  return ranked.slice(0, count).map(({ path }) => path);
}

/** The candidate closest to `text`, as {@link closestOf} compares them. */
export const closest = (text: string, candidates: readonly string[]): string | undefined =>
  closestOf(text, candidates, 1)[0];
