// Products of bytes, summed exactly in 32 bits.

/** a b of bytes whose value is the same in all lanes, by the relaxed dot product: four products in each lane of the result. */
function relaxedDot(a: i32, b: i32): i32 {
  if (!ASC_FEATURE_RELAXED_SIMD) return 0;
  return i32x4.extract_lane(
    i32x4.relaxed_dot_i8x16_i7x16_add_s(i8x16.splat(<i8>a), i8x16.splat(<i8>b), i32x4.splat(0)),
    0,
  );
}

/** Whether it computes `a (x + offset)` for the extremes of a and x. */
function isExactWith(offset: i32): bool {
  for (let a = -127; a <= 127; a += 254) {
    for (let x = -127; x <= 127; x++) if (relaxedDot(a, x + offset) !== 4 * a * (x + offset)) return false;
  }
  return true;
}

/**
 * How to multiply a weight of -127 to 127 by a number x of that range: the offset to add to x where the relaxed dot product is exact,
 * or -1 where it is not and products of 16 bits are.
 *
 * That instruction takes 7 bits in its second operand. What it makes of the eighth is left to the implementation, which must be
 * consistent: a sign (offset 0: ARM's sdot), a bit like the others (offset 128: x86's vpdpbusd), or sums that saturate (pmaddubsw).
 * So this asks, and all ways give the same sums.
 */
export function dotOffset(): i32 {
  if (!ASC_FEATURE_RELAXED_SIMD) return -1;
  return isExactWith(128) ? 128 : isExactWith(0) ? 0 : -1;
}

/** Rows of x in a tile: as many as keep 2 rows accumulators, 2 of the weight and one of x in 15 registers, and a product of pairs. */
export const dotRows: i32 = 6;
export const pairRows: i32 = 4;

// biome-ignore lint/complexity/noStaticOnlyClass: a namespace whose members can be marked for inlining
class Row {
  /** Eight sums, times the scales of their row and columns, plus the bias. */
  @inline static store(low: v128, high: v128, rowScale: usize, columnScales: usize, bias: usize, y: usize): void {
    const scale = v128.load32_splat(rowScale);
    const first = f32x4.mul(f32x4.mul(f32x4.convert_i32x4_s(low), scale), v128.load(columnScales));
    v128.store(y, f32x4.add(first, v128.load(bias)));
    const second = f32x4.mul(f32x4.mul(f32x4.convert_i32x4_s(high), scale), v128.load(columnScales, 16));
    v128.store(y, f32x4.add(second, v128.load(bias, 16)), 16);
  }
}

/**
 * Sums of `groups` groups of four bytes, from packed strips of x (6 rows) and of the weight (8 columns, after the sums to begin with):
 * the tile at y is these sums, times the scales of their row and column, plus the bias. A function apart for the reason that
 * `multiplyTile` is.
 */
export function multiplyDots(
  groups: i32,
  x: usize,
  weight: usize,
  rowScales: usize,
  columnScales: usize,
  bias: usize,
  y: usize,
  strideY: usize,
): void {
  if (!ASC_FEATURE_RELAXED_SIMD) return;
  let c00 = v128.load(weight);
  let c01 = v128.load(weight, 16);
  let c10 = c00;
  let c11 = c01;
  let c20 = c00;
  let c21 = c01;
  let c30 = c00;
  let c31 = c01;
  let c40 = c00;
  let c41 = c01;
  let c50 = c00;
  let c51 = c01;
  for (; groups > 0; groups--) {
    weight += 32;
    const w0 = v128.load(weight);
    const w1 = v128.load(weight, 16);
    let four = v128.load32_splat(x);
    c00 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w0, four, c00);
    c01 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w1, four, c01);
    four = v128.load32_splat(x, 4);
    c10 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w0, four, c10);
    c11 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w1, four, c11);
    four = v128.load32_splat(x, 8);
    c20 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w0, four, c20);
    c21 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w1, four, c21);
    four = v128.load32_splat(x, 12);
    c30 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w0, four, c30);
    c31 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w1, four, c31);
    four = v128.load32_splat(x, 16);
    c40 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w0, four, c40);
    c41 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w1, four, c41);
    four = v128.load32_splat(x, 20);
    c50 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w0, four, c50);
    c51 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w1, four, c51);
    x += 24;
  }
  Row.store(c00, c01, rowScales, columnScales, bias, y);
  Row.store(c10, c11, rowScales + 4, columnScales, bias, y + strideY);
  Row.store(c20, c21, rowScales + 8, columnScales, bias, y + 2 * strideY);
  Row.store(c30, c31, rowScales + 12, columnScales, bias, y + 3 * strideY);
  Row.store(c40, c41, rowScales + 16, columnScales, bias, y + 4 * strideY);
  Row.store(c50, c51, rowScales + 20, columnScales, bias, y + 5 * strideY);
}

/** The same for groups of two: of 16 bits each, and strips of 4 rows. */
export function multiplyPairs(
  groups: i32,
  x: usize,
  weight: usize,
  rowScales: usize,
  columnScales: usize,
  bias: usize,
  y: usize,
  strideY: usize,
): void {
  let c00 = v128.load(weight);
  let c01 = v128.load(weight, 16);
  let c10 = c00;
  let c11 = c01;
  let c20 = c00;
  let c21 = c01;
  let c30 = c00;
  let c31 = c01;
  weight += 32;
  for (; groups > 0; groups--) {
    const w0 = v128.load(weight);
    const w1 = v128.load(weight, 16);
    let two = v128.load32_splat(x);
    c00 = i32x4.add(c00, i32x4.dot_i16x8_s(w0, two));
    c01 = i32x4.add(c01, i32x4.dot_i16x8_s(w1, two));
    two = v128.load32_splat(x, 4);
    c10 = i32x4.add(c10, i32x4.dot_i16x8_s(w0, two));
    c11 = i32x4.add(c11, i32x4.dot_i16x8_s(w1, two));
    two = v128.load32_splat(x, 8);
    c20 = i32x4.add(c20, i32x4.dot_i16x8_s(w0, two));
    c21 = i32x4.add(c21, i32x4.dot_i16x8_s(w1, two));
    two = v128.load32_splat(x, 12);
    c30 = i32x4.add(c30, i32x4.dot_i16x8_s(w0, two));
    c31 = i32x4.add(c31, i32x4.dot_i16x8_s(w1, two));
    x += 16;
    weight += 32;
  }
  Row.store(c00, c01, rowScales, columnScales, bias, y);
  Row.store(c10, c11, rowScales + 4, columnScales, bias, y + strideY);
  Row.store(c20, c21, rowScales + 8, columnScales, bias, y + 2 * strideY);
  Row.store(c30, c31, rowScales + 12, columnScales, bias, y + 3 * strideY);
}
