// Sums of bytes by weights in 22-bit fixed point, exact in 32 bits (Pillow, Resample.c). A weight is split in two for the
// product of pairs of 16 bits: w = 2^12 high + low. Weights of two neighbors lie together: two of `high`, two of `low`.

const fractionBits = 22;
const lowBits = 12;
const half: i32 = 1 << (fractionBits - 1);

// biome-ignore lint/complexity/noStaticOnlyClass: a namespace whose members can be marked for inlining
class Fixed {
  @inline static add(sum: v128, pairs: v128, weights: v128): v128 {
    return i32x4.add(sum, i32x4.dot_i16x8_s(pairs, weights));
  }

  /** The sums without their fraction, rounded. */
  @inline static round(high: v128, low: v128): v128 {
    const sum = i32x4.add(i32x4.add(i32x4.shl(high, lowBits), low), i32x4.splat(half));
    return i32x4.shr_s(sum, fractionBits);
  }

  /** Four sums of 32 bits as bytes, in the first four places. */
  @inline static bytes(sums: v128): v128 {
    const words = i16x8.narrow_i32x4_s(sums, sums);
    return i8x16.narrow_i16x8_u(words, words);
  }

  /** Of 16 bytes that begin with a pixel, its colors and those of the next, in pairs. */
  @inline static firstPair(bytes: v128): v128 {
    return i8x16.swizzle(bytes, i8x16(0, -1, 3, -1, 1, -1, 4, -1, 2, -1, 5, -1, -1, -1, -1, -1));
  }

  /** The same of the third and fourth pixel. */
  @inline static secondPair(bytes: v128): v128 {
    return i8x16.swizzle(bytes, i8x16(6, -1, 9, -1, 7, -1, 10, -1, 8, -1, 11, -1, -1, -1, -1, -1));
  }
}

/**
 * Resamples along rows: from pixels of 3 bytes to pixels of 3 bytes, and a byte that has no meaning after each row.
 *
 * @param first of each of `columns` result pixels, the byte in the row where it begins
 * @param weights of each result pixel, `pairs` times 8 bytes
 */
export function resampleColumns(
  from: usize,
  stride: usize,
  to: usize,
  pitch: usize,
  rows: i32,
  first: usize,
  weights: usize,
  columns: i32,
  pairs: i32,
): void {
  const quads = pairs >> 1;
  for (; rows > 0; rows -= 2) {
    // Two rows at a time; the last of an odd number is computed twice.
    const nextFrom = rows > 1 ? from + stride : from;
    const nextTo = rows > 1 ? to + pitch : to;
    let weight = weights;
    for (let column = 0; column < columns; column++) {
      const offset = <usize>load<i32>(first + ((<usize>column) << 2));
      let a = from + offset;
      let b = nextFrom + offset;
      let highA = i32x4.splat(0);
      let lowA = i32x4.splat(0);
      let highB = i32x4.splat(0);
      let lowB = i32x4.splat(0);
      for (let quad = quads; quad > 0; quad--) {
        const bytesA = v128.load(a);
        const bytesB = v128.load(b);
        let pairA = Fixed.firstPair(bytesA);
        let pairB = Fixed.firstPair(bytesB);
        let high = v128.load32_splat(weight);
        let low = v128.load32_splat(weight, 4);
        highA = Fixed.add(highA, pairA, high);
        lowA = Fixed.add(lowA, pairA, low);
        highB = Fixed.add(highB, pairB, high);
        lowB = Fixed.add(lowB, pairB, low);
        pairA = Fixed.secondPair(bytesA);
        pairB = Fixed.secondPair(bytesB);
        high = v128.load32_splat(weight, 8);
        low = v128.load32_splat(weight, 12);
        highA = Fixed.add(highA, pairA, high);
        lowA = Fixed.add(lowA, pairA, low);
        highB = Fixed.add(highB, pairB, high);
        lowB = Fixed.add(lowB, pairB, low);
        a += 12;
        b += 12;
        weight += 16;
      }
      if (pairs & 1) {
        const pairA = Fixed.firstPair(v128.load(a));
        const pairB = Fixed.firstPair(v128.load(b));
        const high = v128.load32_splat(weight);
        const low = v128.load32_splat(weight, 4);
        highA = Fixed.add(highA, pairA, high);
        lowA = Fixed.add(lowA, pairA, low);
        highB = Fixed.add(highB, pairB, high);
        lowB = Fixed.add(lowB, pairB, low);
        weight += 8;
      }
      // The fourth byte is overwritten by the next pixel.
      const place = <usize>column * 3;
      v128.store32_lane(nextTo + place, Fixed.bytes(Fixed.round(highB, lowB)), 0);
      v128.store32_lane(to + place, Fixed.bytes(Fixed.round(highA, lowA)), 0);
    }
    from += 2 * stride;
    to += 2 * pitch;
  }
}

/**
 * Resamples along columns to one row of `count` bytes, rounded up to 16.
 *
 * @param weights `pairs` times 8 bytes
 */
export function resampleRow(from: usize, pitch: usize, to: usize, count: i32, weights: usize, pairs: i32): void {
  for (; count > 0; count -= 16) {
    let high0 = i32x4.splat(0);
    let high1 = i32x4.splat(0);
    let high2 = i32x4.splat(0);
    let high3 = i32x4.splat(0);
    let low0 = i32x4.splat(0);
    let low1 = i32x4.splat(0);
    let low2 = i32x4.splat(0);
    let low3 = i32x4.splat(0);
    let row = from;
    let weight = weights;
    for (let pair = pairs; pair > 0; pair--) {
      const a = v128.load(row);
      const b = v128.load(row + pitch);
      const high = v128.load32_splat(weight);
      const low = v128.load32_splat(weight, 4);
      let both = i8x16.shuffle(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
      let words = i16x8.extend_low_i8x16_u(both);
      high0 = Fixed.add(high0, words, high);
      low0 = Fixed.add(low0, words, low);
      words = i16x8.extend_high_i8x16_u(both);
      high1 = Fixed.add(high1, words, high);
      low1 = Fixed.add(low1, words, low);
      both = i8x16.shuffle(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
      words = i16x8.extend_low_i8x16_u(both);
      high2 = Fixed.add(high2, words, high);
      low2 = Fixed.add(low2, words, low);
      words = i16x8.extend_high_i8x16_u(both);
      high3 = Fixed.add(high3, words, high);
      low3 = Fixed.add(low3, words, low);
      row += 2 * pitch;
      weight += 8;
    }
    const first = i16x8.narrow_i32x4_s(Fixed.round(high0, low0), Fixed.round(high1, low1));
    const second = i16x8.narrow_i32x4_s(Fixed.round(high2, low2), Fixed.round(high3, low3));
    v128.store(to, i8x16.narrow_i16x8_u(first, second));
    from += 16;
    to += 16;
  }
}
