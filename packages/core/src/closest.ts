/** The edit distance of two strings (Levenshtein 1966). */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next[j] = Math.min(next[j - 1] + 1, row[j] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1));
    }
    row = next;
  }
  return row[b.length];
}

/** Compares only the ends of longer strings: nobody mistypes a thousand characters. */
const comparedLength = 100;

/** The candidate closest to `text`. Paths are compared by as many of their last parts as `text` has. */
export function closest(text: string, candidates: readonly string[]): string | undefined {
  const parts = text.split('.').length;
  const end = text.slice(-comparedLength);
  const ranked = candidates.map(path => {
    const tail = path.split('.').slice(-parts).join('.').slice(-comparedLength);
    return { path, distance: editDistance(end, tail) };
  });
  return ranked.sort((a, b) => a.distance - b.distance)[0]?.path;
}
