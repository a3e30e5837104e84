// A weight in 8 bits as `rounded` multiplies with it: strips of 8 columns, each the 32-bit sums to begin with, then its bytes by groups
// along k, padded with 0. A group is the four bytes of a dot product, or two where `offset` is -1: see `dotOffset`.

export const strip = 8;
export const startBytes: usize = 32;

/** The logarithm of the bytes of a group of one column. */
export function groupShift(offset: i32): i32 {
  return offset < 0 ? 1 : 2;
}

/** The inner size with its padding: whole groups of either size. */
export function depthOf(k: i32): i32 {
  return (k + 3) & ~3;
}

export function stripBytes(k: i32): usize {
  return startBytes + <usize>(depthOf(k) * strip);
}

/** Bytes of a packed weight `[k, n]`. */
export function packedBytes(k: i32, n: i32): usize {
  return <usize>((n + strip - 1) / strip) * stripBytes(k);
}

/** Where the byte of a row and a column is; a group has `1 << shift` bytes. */
function placeOf(packed: usize, pitch: usize, shift: i32, row: i32, column: i32): usize {
  const group = ((row >> shift) * strip + (column & (strip - 1))) << shift;
  return packed + <usize>(column >> 3) * pitch + startBytes + <usize>(group + (row & ((1 << shift) - 1)));
}

/** Takes away from the sum that a column begins with what the offset adds to it. */
function setStart(packed: usize, pitch: usize, column: i32, offset: i32, total: i32): void {
  const start = packed + <usize>(column >> 3) * pitch + ((<usize>(column & (strip - 1))) << 2);
  store<i32>(start, offset > 0 ? -offset * total : 0);
}

/** @param values `[n, k]` */
export function packWeight(values: usize, k: i32, n: i32, offset: i32, to: usize): void {
  const pitch = stripBytes(k);
  const shift = groupShift(offset);
  memory.fill(to, 0, packedBytes(k, n));
  for (let column = 0; column < n; column++) {
    let total = 0;
    for (let row = 0; row < k; row++) {
      const value = load<i8>(values++);
      store<i8>(placeOf(to, pitch, shift, row, column), value);
      total += value;
    }
    setStart(to, pitch, column, offset, total);
  }
}

/** The transpose `[n, k]` of a packed weight `[k, n]`, packed. */
export function turnPacked(from: usize, k: i32, n: i32, offset: i32, to: usize): void {
  const fromPitch = stripBytes(k);
  const pitch = stripBytes(n);
  const shift = groupShift(offset);
  memory.fill(to, 0, packedBytes(n, k));
  for (let row = 0; row < k; row++) {
    let total = 0;
    for (let column = 0; column < n; column++) {
      const value = load<i8>(placeOf(from, fromPitch, shift, row, column));
      store<i8>(placeOf(to, pitch, shift, column, row), value);
      total += value;
    }
    setStart(to, pitch, row, offset, total);
  }
}
