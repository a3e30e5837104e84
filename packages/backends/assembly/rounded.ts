// y = rounded(x) Q scales + bias, in integers but for the scales: rows of x in 8 bits, and a packed weight.
import { dotRows, multiplyDots, multiplyPairs, pairRows } from './dot';
import { depthOf, groupShift, startBytes, strip, stripBytes } from './pack-weight';
import { roundRows } from './round-rows';
import { panelBytes, scratch } from './scratch';

/** Of x in a panel, at most: it stays in the second-level cache. A multiple of the rows of either tile. */
const panelRows = 96;
/** Floats of a strip of columns, and of a tile. */
const lineBytes: usize = strip << 2;
const tileBytes: usize = dotRows * lineBytes;

/** What a strip of `columns` columns has of `values`: a copy in `to` if it is not whole, or `other` in all where there are none. */
function lineOf(values: usize, left: usize, columns: i32, other: f32, to: usize): usize {
  if (values && columns === strip) return values + left;
  for (let i = 0; i < strip; i++) {
    const at = (<usize>i) << 2;
    store<f32>(to + at, values && i < columns ? load<f32>(values + left + at) : other);
  }
  return to;
}

/** The part of a tile that lies inside y. */
function copyPart(tile: usize, y: usize, strideY: usize, rows: i32, columns: i32): void {
  for (; rows > 0; rows--) {
    memory.copy(y, tile, (<usize>columns) << 2);
    tile += lineBytes;
    y += strideY;
  }
}

/** A strip of a weight whose bytes are numbers of 16 bits. */
function widen(from: usize, depth: i32, to: usize): void {
  memory.copy(to, from, startBytes);
  from += startBytes;
  to += startBytes;
  for (let left = depth * strip; left > 0; left -= 8) {
    v128.store(to, v128.load_ext<i8>(from));
    from += 8;
    to += 16;
  }
}

/**
 * y = rounded(x factors) weight columnScales + bias.
 *
 * @param x `[m, k]`, whose rows are rounded
 * @param factors `[k]`, or 0 for none
 * @param weight `[k, n]`, packed
 * @param columnScales `[n]`, or 0 for none
 * @param bias `[n]`, or 0 for none
 * @param y `[m, n]`
 * @param offset with which `weight` was packed
 */
export function multiplyRounded(
  m: i32,
  n: i32,
  k: i32,
  x: usize,
  factors: usize,
  weight: usize,
  columnScales: usize,
  bias: usize,
  y: usize,
  offset: i32,
): void {
  const depth = depthOf(k);
  const groups = depth >> groupShift(offset);
  const rowsOfTile = offset < 0 ? pairRows : dotRows;
  const pitch = (<usize>(groups * rowsOfTile)) << 2;
  const strideY = (<usize>n) << 2;
  const scaleLine = scratch;
  const biasLine = scaleLine + lineBytes;
  const tile = biasLine + lineBytes;
  const rowScales = tile + tileBytes;
  const wide = rowScales + (panelRows << 2);
  const panel = offset < 0 ? wide + startBytes + ((<usize>(depth * strip)) << 1) : wide;
  const most = min(panelRows, <i32>((panelBytes - (panel - scratch)) / pitch) * rowsOfTile);
  for (let i = 0; i < m; i += most) {
    const rows = min(m - i, most);
    roundRows(x, factors, rows, k, offset, panel, rowsOfTile, pitch, rowScales);
    let from = weight;
    for (let j = 0; j < n; j += strip) {
      const left = (<usize>j) << 2;
      const columns = min(n - j, strip);
      const scales = lineOf(columnScales, left, columns, 1, scaleLine);
      const added = lineOf(bias, left, columns, 0, biasLine);
      if (offset < 0) widen(from, depth, wide);
      let strips = panel;
      let scalesOfRows = rowScales;
      let to = y + left;
      for (let r = 0; r < rows; r += rowsOfTile) {
        const inside = min(rows - r, rowsOfTile);
        const isWhole = inside === rowsOfTile && columns === strip;
        const target = isWhole ? to : tile;
        const stride = isWhole ? strideY : lineBytes;
        if (offset < 0) multiplyPairs(groups, strips, wide, scalesOfRows, scales, added, target, stride);
        else multiplyDots(groups, strips, from, scalesOfRows, scales, added, target, stride);
        if (!isWhole) copyPart(tile, to, strideY, inside, columns);
        strips += pitch;
        scalesOfRows += (<usize>rowsOfTile) << 2;
        to += <usize>rowsOfTile * strideY;
      }
      from += stripBytes(k);
    }
    x += <usize>rows * ((<usize>k) << 2);
    y += <usize>rows * strideY;
  }
}
