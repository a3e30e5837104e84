/** The points of one axis of a table: distances that grow geometrically from the middle. */
function knownDistances(from: number, to: number): Float32Array {
  const [half, reach] = [Math.floor(from / 2), Math.floor(to / 2)];
  let [low, high] = [1.01, 1.5];
  let ratio = low;
  while (high - low > 1e-6) {
    ratio = (low + high) / 2;
    if ((1 - ratio ** half) / (1 - ratio) > reach) high = ratio;
    else low = ratio;
  }
  const distances = new Float32Array(from);
  for (let i = 0, distance = 1; i < half; i++) {
    distances[half + 1 + i] = distance;
    distances[half - 1 - i] = -distance;
    distance += ratio ** (i + 1);
  }
  return distances;
}

/** For a position between two known ones: their indices, and the part of the second. */
interface Place {
  readonly left: number;
  readonly right: number;
  readonly part: number;
}

function places(from: number, to: number): Place[] {
  const known = knownDistances(from, to);
  const reach = Math.floor(to / 2);
  return Array.from({ length: to }, (_, i) => {
    const position = i - reach;
    const after = known.findIndex(distance => distance >= position);
    const right = after < 0 ? from - 1 : after;
    const left = Math.max(right - 1, 0);
    const [below, above] = [Math.max(position - known[left]!, 0), Math.max(known[right]! - position, 0)];
    return { left, right, part: below + above === 0 ? 0.5 : below / (below + above) };
  });
}

/**
 * A table of biases by relative position for windows of another size, as timm's `resize_rel_pos_bias_table`: linear between
 * distances that grow geometrically, which keeps near ones apart.
 *
 * @param values `[h * w, heads]`, a row for each distance in tokens, from the most negative
 * @param from h and w of the table: twice the window's side less one
 * @param to those wanted, odd as well
 * @returns `[h' * w', heads]`
 */
export function resizeRelativePositions(
  values: Float32Array,
  from: readonly [number, number],
  to: readonly [number, number],
): Float32Array {
  if (from[0] === to[0] && from[1] === to[1]) return values;
  const heads = values.length / (from[0] * from[1]);
  const [rows, columns] = [places(from[0], to[0]), places(from[1], to[1])];
  const at = (row: number, column: number, head: number): number => values[(row * from[1] + column) * heads + head]!;
  const result = new Float32Array(to[0] * to[1] * heads);
  let next = 0;
  for (const y of rows) {
    for (const x of columns) {
      for (let head = 0; head < heads; head++) {
        const above = at(y.left, x.left, head) * (1 - x.part) + at(y.left, x.right, head) * x.part;
        const below = at(y.right, x.left, head) * (1 - x.part) + at(y.right, x.right, head) * x.part;
        result[next++] = above * (1 - y.part) + below * y.part;
      }
    }
  }
  return result;
}
