/** The floats that `table` `[256, 3]` gives for the bytes of `count` pixels. */
export function normalize(bytes: usize, table: usize, floats: usize, count: i32): void {
  for (; count > 0; count--) {
    store<f32>(floats, load<f32>(table + 12 * <usize>load<u8>(bytes)));
    store<f32>(floats, load<f32>(table + 12 * <usize>load<u8>(bytes, 1), 4), 4);
    store<f32>(floats, load<f32>(table + 12 * <usize>load<u8>(bytes, 2), 8), 8);
    bytes += 3;
    floats += 12;
  }
}
