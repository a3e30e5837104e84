// Copies in another order. Elements are 4 bytes, whatever their type.
import { Block } from './block';

/** `count` elements in a row. */
function copyRow(from: usize, to: usize, count: i32): void {
  for (; count >= 4; count -= 4) {
    v128.store(to, v128.load(from));
    from += 16;
    to += 16;
  }
  for (; count > 0; count--) {
    store<u32>(to, load<u32>(from));
    from += 4;
    to += 4;
  }
}

/**
 * Copies rows of `count` elements, with a step (in elements) for each of four axes on either side: slices, pads,
 * concatenations, and transposes that keep the last axis.
 */
export function moveRows(
  from: usize,
  to: usize,
  count: i32,
  size0: i32,
  size1: i32,
  size2: i32,
  size3: i32,
  from0: i32,
  from1: i32,
  from2: i32,
  from3: i32,
  to0: i32,
  to1: i32,
  to2: i32,
  to3: i32,
): void {
  for (let i = 0; i < size0; i++) {
    for (let j = 0; j < size1; j++) {
      for (let k = 0; k < size2; k++) {
        let source = from + ((<usize>(i * from0 + j * from1 + k * from2)) << 2);
        let target = to + ((<usize>(i * to0 + j * to1 + k * to2)) << 2);
        for (let l = 0; l < size3; l++) {
          copyRow(source, target, count);
          source += (<usize>from3) << 2;
          target += (<usize>to3) << 2;
        }
      }
    }
  }
}

/** Writes the bits of one element `count` times. */
export function fill(to: usize, count: i32, bits: u32): void {
  const four = i32x4.splat(bits);
  for (; count >= 4; count -= 4) {
    v128.store(to, four);
    to += 16;
  }
  for (; count > 0; count--) {
    store<u32>(to, bits);
    to += 4;
  }
}

/** `[batch, rows, columns]` to `[batch, columns, rows]`, by blocks of 4 x 4. */
export function transpose(from: usize, to: usize, batch: i32, rows: i32, columns: i32): void {
  const pitch = (<usize>columns) << 2;
  const turned = (<usize>rows) << 2;
  const wholeRows = rows & ~3;
  const wholeColumns = columns & ~3;
  for (; batch > 0; batch--) {
    for (let i = 0; i < wholeRows; i += 4) {
      let source = from + <usize>i * pitch;
      let target = to + ((<usize>i) << 2);
      for (let j = 0; j < wholeColumns; j += 4) {
        Block.turn(source, pitch, target, turned);
        source += 16;
        target += 4 * turned;
      }
    }
    for (let i = 0; i < rows; i++) {
      for (let j = i < wholeRows ? wholeColumns : 0; j < columns; j++) {
        store<u32>(to + ((<usize>(j * rows + i)) << 2), load<u32>(from + ((<usize>(i * columns + j)) << 2)));
      }
    }
    from += <usize>rows * pitch;
    to += <usize>rows * pitch;
  }
}
