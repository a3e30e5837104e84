// Panels for the matrix product: strips of `width` rows (of A) or columns (of B), interleaved along k and padded with 0.
import { Block } from './block';

/** Floats of a strip that are not there. */
function pad(to: usize, from: i32, width: i32): void {
  for (let i = from; i < width; i++) store<f32>(to + ((<usize>i) << 2), 0);
}

/** A strip whose elements lie side by side for each k: `to[k][i] = from[k * stride + i]`. */
function copyStrip(from: usize, stride: usize, count: i32, width: i32, k: i32, to: usize): void {
  for (let p = 0; p < k; p++) {
    for (let i = 0; i < count; i++) store<f32>(to + ((<usize>i) << 2), load<f32>(from + ((<usize>i) << 2)));
    pad(to, count, width);
    from += stride;
    to += (<usize>width) << 2;
  }
}

/** A strip whose elements lie side by side along k: `to[k][i] = from[i * stride + k]`. */
function turnStrip(from: usize, stride: usize, count: i32, width: i32, k: i32, to: usize): void {
  for (let p = 0; p < k; p++) {
    let element = from + ((<usize>p) << 2);
    for (let i = 0; i < count; i++) {
      store<f32>(to + ((<usize>i) << 2), load<f32>(element));
      element += stride;
    }
    pad(to, count, width);
    to += (<usize>width) << 2;
  }
}

/** {@link copyStrip} of a whole strip of 4, 6 or 8. */
function copyWhole(from: usize, stride: usize, width: i32, k: i32, to: usize): void {
  for (; k > 0; k--) {
    v128.store(to, v128.load(from));
    if (width === 6) store<u64>(to, load<u64>(from, 16), 16);
    if (width === 8) v128.store(to, v128.load(from, 16), 16);
    from += stride;
    to += (<usize>width) << 2;
  }
}

/** {@link turnStrip} of a whole strip of 4, 6 or 8, by blocks of four k. */
function turnWhole(from: usize, stride: usize, width: i32, k: i32, to: usize): void {
  const pitch = (<usize>width) << 2;
  for (; k >= 4; k -= 4) {
    Block.turn(from, stride, to, pitch);
    if (width === 8) Block.turn(from + 4 * stride, stride, to + 16, pitch);
    if (width === 6) Block.turnPair(from + 4 * stride, stride, to + 16, pitch);
    from += 16;
    to += 4 * pitch;
  }
  turnStrip(from, stride, width, width, k, to);
}

/**
 * Packs `count` rows of A or columns of B, of length `k`.
 *
 * @param stride bytes from one to the next where they lie along k, else from one k to the next
 * @param alongK whether the elements of one row of A (column of B) lie side by side
 */
export function pack(from: usize, stride: usize, alongK: bool, width: i32, count: i32, k: i32, to: usize): void {
  const next = alongK ? <usize>width * stride : (<usize>width) << 2;
  const strip = (<usize>(width * k)) << 2;
  for (; count > 0; count -= width) {
    if (alongK) {
      if (count < width) turnStrip(from, stride, count, width, k, to);
      else turnWhole(from, stride, width, k, to);
    } else {
      if (count < width) copyStrip(from, stride, count, width, k, to);
      else copyWhole(from, stride, width, k, to);
    }
    from += next;
    to += strip;
  }
}
