// C = alpha op(A) op(B) + D: packed panels and a tile of registers (Goto and van de Geijn 2008).
import { Lanes } from './lanes';
import { pack } from './pack';
import { scratch } from './scratch';

/** As many as keep 2 rows accumulators, 2 of b and the work of one in 15 registers; a fused product takes one less. */
const tileRows: i32 = ASC_FEATURE_RELAXED_SIMD ? 6 : 4;
const tileColumns = 8;
/** k of a panel: an A strip and a B strip, 21 KiB together, stay in the first-level cache. */
const panelK = 384;
const panelRows = 96;
const panelColumns = 512; // panels and a tile are within `panelBytes`

/**
 * One tile of A B, from packed strips, to `to`.
 *
 * A function apart, exported so that it is not inlined and storing its sums as they are: with anything else to keep in
 * a vector register, V8 spills accumulators in the loop, which halves its speed.
 */
export function multiplyTile(k: i32, a: usize, b: usize, to: usize): void {
  const zero = f32x4.splat(0);
  let c00 = zero;
  let c01 = zero;
  let c10 = zero;
  let c11 = zero;
  let c20 = zero;
  let c21 = zero;
  let c30 = zero;
  let c31 = zero;
  let c40 = zero;
  let c41 = zero;
  let c50 = zero;
  let c51 = zero;
  for (; k > 0; k--) {
    const b0 = v128.load(b);
    const b1 = v128.load(b, 16);
    let x = v128.load32_splat(a);
    c00 = Lanes.madd(x, b0, c00);
    c01 = Lanes.madd(x, b1, c01);
    x = v128.load32_splat(a, 4);
    c10 = Lanes.madd(x, b0, c10);
    c11 = Lanes.madd(x, b1, c11);
    x = v128.load32_splat(a, 8);
    c20 = Lanes.madd(x, b0, c20);
    c21 = Lanes.madd(x, b1, c21);
    x = v128.load32_splat(a, 12);
    c30 = Lanes.madd(x, b0, c30);
    c31 = Lanes.madd(x, b1, c31);
    if (tileRows > 4) {
      x = v128.load32_splat(a, 16);
      c40 = Lanes.madd(x, b0, c40);
      c41 = Lanes.madd(x, b1, c41);
      x = v128.load32_splat(a, 20);
      c50 = Lanes.madd(x, b0, c50);
      c51 = Lanes.madd(x, b1, c51);
    }
    a += tileRows << 2;
    b += tileColumns << 2;
  }
  v128.store(to, c00);
  v128.store(to, c01, 16);
  v128.store(to, c10, 32);
  v128.store(to, c11, 48);
  v128.store(to, c20, 64);
  v128.store(to, c21, 80);
  v128.store(to, c30, 96);
  v128.store(to, c31, 112);
  if (tileRows > 4) {
    v128.store(to, c40, 128);
    v128.store(to, c41, 144);
    v128.store(to, c50, 160);
    v128.store(to, c51, 176);
  }
}

/** c = alpha tile + d, for the part of a tile that lies inside C. Strides are in bytes; `d` may be 0. */
function place(
  tile: usize,
  alpha: f32,
  c: usize,
  strideC: usize,
  d: usize,
  strideD: usize,
  rows: i32,
  columns: i32,
): void {
  const scale = f32x4.splat(alpha);
  const bytes = (<usize>columns) << 2;
  const whole = bytes & ~15;
  for (; rows > 0; rows--) {
    for (let j: usize = 0; j < whole; j += 16) {
      const product = f32x4.mul(scale, v128.load(tile + j));
      v128.store(c + j, d ? f32x4.add(product, v128.load(d + j)) : product);
    }
    for (let j = whole; j < bytes; j += 4) {
      store<f32>(c + j, alpha * load<f32>(tile + j) + (d ? load<f32>(d + j) : 0));
    }
    tile += tileColumns << 2;
    c += strideC;
    d += strideD;
  }
}

/** The tiles of one packed A panel and one packed B panel. */
function multiplyPanels(
  m: i32,
  n: i32,
  k: i32,
  a: usize,
  b: usize,
  alpha: f32,
  c: usize,
  strideC: usize,
  d: usize,
  strideD: usize,
  tile: usize,
): void {
  for (let j = 0; j < n; j += tileColumns) {
    let strip = a;
    let to = c + ((<usize>j) << 2);
    let added = d ? d + ((<usize>j) << 2) : 0;
    for (let i = 0; i < m; i += tileRows) {
      multiplyTile(k, strip, b, tile);
      place(tile, alpha, to, strideC, added, strideD, min(m - i, tileRows), min(n - j, tileColumns));
      strip += (<usize>(k * tileRows)) << 2;
      to += <usize>tileRows * strideC;
      added += <usize>tileRows * strideD;
    }
    b += (<usize>(k * tileColumns)) << 2;
  }
}

/**
 * c = alpha op(a) op(b) + d, with row-major a, b, c and d, whose rows lie `stride` bytes apart.
 *
 * @param a `[m, k]`, or `[k, m]` if `transposeA`
 * @param b `[k, n]`, or `[n, k]` if `transposeB`
 * @param d `[m, n]`; one row `[n]`, added to each, with stride 0; or 0 for none
 */
export function gemm(
  m: i32,
  n: i32,
  k: i32,
  a: usize,
  strideA: usize,
  transposeA: bool,
  b: usize,
  strideB: usize,
  transposeB: bool,
  c: usize,
  strideC: usize,
  alpha: f32,
  d: usize,
  strideD: usize,
): void {
  const panelB = scratch + ((panelRows * panelK) << 2);
  const tile = panelB + ((panelColumns * panelK) << 2);
  for (let j = 0; j < n; j += panelColumns) {
    const columns = min(n - j, panelColumns);
    const left = (<usize>j) << 2;
    let p = 0;
    do {
      const depth = min(k - p, panelK);
      const fromB = transposeB ? b + <usize>j * strideB + ((<usize>p) << 2) : b + <usize>p * strideB + left;
      pack(fromB, strideB, transposeB, tileColumns, columns, depth, panelB);
      for (let i = 0; i < m; i += panelRows) {
        const rows = min(m - i, panelRows);
        const fromA = transposeA
          ? a + <usize>p * strideA + ((<usize>i) << 2)
          : a + <usize>i * strideA + ((<usize>p) << 2);
        pack(fromA, strideA, !transposeA, tileRows, rows, depth, scratch);
        const to = c + <usize>i * strideC + left;
        const strideAdded = p ? strideC : strideD;
        const added = p ? to : d ? d + <usize>i * strideD + left : 0;
        multiplyPanels(rows, columns, depth, scratch, panelB, alpha, to, strideC, added, added ? strideAdded : 0, tile);
      }
      p += panelK;
    } while (p < k);
  }
}
