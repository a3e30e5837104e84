// Rows of floats in 8 bits: the nearest of the 255 multiples of their largest magnitude over 127, ties to even.

/** Below it a row counts as zero. */
const smallestMagnitude: f32 = 1e-30;
const largest: f32 = 127;
/** Adding it to a float below 2^22 leaves the nearest integer in the last bits. */
const rounding: f32 = 12582912; // 1.5 * 2^23

// biome-ignore lint/complexity/noStaticOnlyClass: a namespace whose members can be marked for inlining
class Row {
  /** Four floats, times those of `factors`, which may be 0 for none. */
  @inline static load(x: usize, factors: usize, at: usize): v128 {
    const values = v128.load(x + at);
    return factors ? f32x4.mul(values, v128.load(factors + at)) : values;
  }

  @inline static loadOne(x: usize, factors: usize, at: usize): f32 {
    return factors ? load<f32>(x + at) * load<f32>(factors + at) : load<f32>(x + at);
  }

  /** Four floats over `scale`, as integers. */
  @inline static round(values: v128, scale: v128): v128 {
    const near = f32x4.add(f32x4.div(values, scale), f32x4.splat(rounding));
    return i32x4.sub(near, i32x4.splat(reinterpret<i32>(rounding)));
  }
}

/** Magnitudes of floats are in the order of their bits, those that are not numbers above all others. */
function magnitudeOf(x: usize, factors: usize, bytes: usize): f32 {
  const magnitudes = i32x4.splat(0x7fffffff);
  const whole = bytes & ~15;
  let top = i32x4.splat(0);
  for (let at: usize = 0; at < whole; at += 16) {
    top = i32x4.max_s(top, v128.and(Row.load(x, factors, at), magnitudes));
  }
  top = i32x4.max_s(top, i32x4.shuffle(top, top, 2, 3, 0, 1));
  let most = max(i32x4.extract_lane(top, 0), i32x4.extract_lane(top, 1));
  for (let at = whole; at < bytes; at += 4) {
    most = max(most, reinterpret<i32>(Row.loadOne(x, factors, at)) & 0x7fffffff);
  }
  return reinterpret<f32>(most);
}

/** Writes a row by groups of 4 bytes, `pitch` bytes apart: four numbers of 8 bits, or two of 16 where `offset` is -1. */
function writeRow(x: usize, factors: usize, bytes: usize, scale: f32, offset: i32, to: usize, pitch: usize): void {
  const scales = f32x4.splat(scale);
  let at: usize = 0;
  if (offset < 0) {
    for (; at + 32 <= bytes; at += 32) {
      const low = Row.round(Row.load(x, factors, at), scales);
      const high = Row.round(Row.load(x, factors, at + 16), scales);
      const pairs = i16x8.narrow_i32x4_s(low, high);
      v128.store32_lane(to, pairs, 0);
      v128.store32_lane(to + pitch, pairs, 1);
      v128.store32_lane(to + 2 * pitch, pairs, 2);
      v128.store32_lane(to + 3 * pitch, pairs, 3);
      to += 4 * pitch;
    }
  } else {
    const signs = i8x16.splat(<i8>offset);
    for (; at + 64 <= bytes; at += 64) {
      const first = Row.round(Row.load(x, factors, at), scales);
      const second = Row.round(Row.load(x, factors, at + 16), scales);
      const third = Row.round(Row.load(x, factors, at + 32), scales);
      const fourth = Row.round(Row.load(x, factors, at + 48), scales);
      const low = i16x8.narrow_i32x4_s(first, second);
      const fours = i8x16.add(i8x16.narrow_i16x8_s(low, i16x8.narrow_i32x4_s(third, fourth)), signs);
      v128.store32_lane(to, fours, 0);
      v128.store32_lane(to + pitch, fours, 1);
      v128.store32_lane(to + 2 * pitch, fours, 2);
      v128.store32_lane(to + 3 * pitch, fours, 3);
      to += 4 * pitch;
    }
  }
  const shift = offset < 0 ? 1 : 2;
  for (let i: i32 = 0; at < bytes; i++) {
    const near: f32 = Row.loadOne(x, factors, at) / scale + rounding;
    const rounded = reinterpret<i32>(near) - reinterpret<i32>(rounding);
    const place = to + <usize>(i >> shift) * pitch;
    if (offset < 0) store<i16>(place + ((<usize>(i & 1)) << 1), <i16>rounded);
    else store<i8>(place + <usize>(i & 3), <i8>(rounded + offset));
    at += 4;
  }
}

/**
 * Rounds rows of `k` floats, each with a scale of its own, into strips of `width` rows, interleaved along k. What pads a strip is not
 * written: it meets zeros, or sums that are not asked for.
 *
 * @param factors `[k]`, by which columns are multiplied first, or 0 for none
 * @param offset added to each: see `dotOffset`
 * @param stripPitch bytes from one strip to the next
 * @param scales `[rows]`, to which the scales go
 */
export function roundRows(
  x: usize,
  factors: usize,
  rows: i32,
  k: i32,
  offset: i32,
  to: usize,
  width: i32,
  stripPitch: usize,
  scales: usize,
): void {
  const bytes = (<usize>k) << 2;
  for (let row = 0; row < rows; row++) {
    const scale = max(magnitudeOf(x, factors, bytes), smallestMagnitude) / largest;
    const place = to + <usize>(row / width) * stripPitch + ((<usize>(row % width)) << 2);
    writeRow(x, factors, bytes, scale, offset, place, (<usize>width) << 2);
    store<f32>(scales, scale + 0 * scale); // not a number where it is infinite, as the row is
    scales += 4;
    x += bytes;
  }
}
