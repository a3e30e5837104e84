/** y[ids[i]] += x[i], rows of `n`; ids outside `[0, segments)` are left out. */
export function segmentSum(x: usize, ids: usize, y: usize, rows: i32, n: i32, segments: i32): void {
  const bytes = (<usize>n) << 2;
  memory.fill(y, 0, <usize>segments * bytes);
  for (; rows > 0; rows--) {
    const id = load<i32>(ids);
    if (id >= 0 && id < segments) {
      const to = y + <usize>id * bytes;
      let j: usize = 0;
      for (; j + 16 <= bytes; j += 16) v128.store(to + j, f32x4.add(v128.load(to + j), v128.load(x + j)));
      for (; j < bytes; j += 4) store<f32>(to + j, load<f32>(to + j) + load<f32>(x + j));
    }
    ids += 4;
    x += bytes;
  }
}
