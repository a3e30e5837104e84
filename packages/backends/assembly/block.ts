// biome-ignore lint/complexity/noStaticOnlyClass: a namespace whose members can be marked for inlining
export class Block {
  /** A 4 x 4 block whose rows lie `stride` bytes apart, transposed into rows `pitch` bytes apart. */
  @inline static turn(from: usize, stride: usize, to: usize, pitch: usize): void {
    const row0 = v128.load(from);
    const row1 = v128.load(from + stride);
    const row2 = v128.load(from + 2 * stride);
    const row3 = v128.load(from + 3 * stride);
    const low01 = i32x4.shuffle(row0, row1, 0, 4, 1, 5);
    const low23 = i32x4.shuffle(row2, row3, 0, 4, 1, 5);
    const high01 = i32x4.shuffle(row0, row1, 2, 6, 3, 7);
    const high23 = i32x4.shuffle(row2, row3, 2, 6, 3, 7);
    v128.store(to, i64x2.shuffle(low01, low23, 0, 2));
    v128.store(to + pitch, i64x2.shuffle(low01, low23, 1, 3));
    v128.store(to + 2 * pitch, i64x2.shuffle(high01, high23, 0, 2));
    v128.store(to + 3 * pitch, i64x2.shuffle(high01, high23, 1, 3));
  }

  /** A 2 x 4 block. */
  @inline static turnPair(from: usize, stride: usize, to: usize, pitch: usize): void {
    const row0 = v128.load(from);
    const row1 = v128.load(from + stride);
    const low = i32x4.shuffle(row0, row1, 0, 4, 1, 5);
    const high = i32x4.shuffle(row0, row1, 2, 6, 3, 7);
    v128.store64_lane(to, low, 0);
    v128.store64_lane(to + pitch, low, 1);
    v128.store64_lane(to + 2 * pitch, high, 0);
    v128.store64_lane(to + 3 * pitch, high, 1);
  }
}
