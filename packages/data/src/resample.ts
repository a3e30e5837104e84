import { type Interpolation, PeftError } from '@peft/core';
import { makeWeights } from './filter-weights.ts';
import { kernelsWith, placesOf } from './kernels.ts';
import { defaultMaxPixels } from './limits.ts';
import type { Box, Picture, Size } from './picture.ts';

/** The source positions of `nearest`. They are summed up, not multiplied out, because Pillow's rounding errors count. */
function nearestPositions(from: number, to: number): Int32Array {
  const scale = from / to;
  const positions = new Int32Array(to);
  for (let i = 0, at = scale * 0.5; i < to; i++, at += scale) positions[i] = at;
  return positions;
}

function resizeNearest({ data, width }: Picture, from: Box, size: Size, part: Box): Picture {
  const columns = nearestPositions(from.width, size.width).subarray(part.left, part.left + part.width);
  const rows = nearestPositions(from.height, size.height).subarray(part.top, part.top + part.height);
  const result = new Uint8Array(part.width * part.height * 3);
  let to = 0;
  for (const row of rows) {
    const line = ((from.top + row) * width + from.left) * 3;
    for (const column of columns) {
      const at = line + column * 3;
      result[to++] = data[at]!;
      result[to++] = data[at + 1]!;
      result[to++] = data[at + 2]!;
    }
  }
  return { data: result, width: part.width, height: part.height };
}

/** Bytes of a picture that are handed to the kernels at once: they stay in the second-level cache. */
const stripBytes = 65_536;

/** The kernels read and write this much at once, and so beyond an end. */
const vectorBytes = 16;

/** First along rows, a strip of the source at a time, then along columns as soon as the rows of a result row are there. */
function resample(
  picture: Picture,
  from: Box,
  size: Size,
  part: Box,
  interpolation: Exclude<Interpolation, 'nearest'>,
): Picture {
  const { left, top, width, height } = part;
  const columns = makeWeights(from.width, size.width, interpolation, left, width);
  const rows = makeWeights(from.height, size.height, interpolation, top, height);
  const stride = picture.width * 3;
  const pitch = Math.ceil((width * 3 + 1) / 16) * 16;
  const strip = Math.max(1, Math.floor(stripBytes / stride));
  const held = 2 * rows.pairs + 4 * strip; // rows in between
  const [firstAt, columnsAt, rowsAt, stripAt, heldAt, resultAt, end] = placesOf(
    width * 4,
    columns.values.byteLength,
    rows.values.byteLength,
    strip * stride + columns.pairs * 6 + vectorBytes, // weights of zero reach beyond the last pixel
    (held + 1) * pitch, // and beyond the last row
    width * height * 3 + vectorBytes,
  ) as [number, number, number, number, number, number, number];
  const { memory, resampleColumns, resampleRow } = kernelsWith(end);
  const bytes = new Uint8Array(memory.buffer);
  new Int32Array(memory.buffer, firstAt, width).set(columns.first.map(column => column * 3));
  new Int16Array(memory.buffer, columnsAt, columns.values.length).set(columns.values);
  new Int16Array(memory.buffer, rowsAt, rows.values.length).set(rows.values);

  let [begin, ready] = [rows.first[0]!, rows.first[0]!]; // the rows that are held
  const last = rows.end[height - 1]!;
  const addStrip = (needed: number): void => {
    const count = Math.min(strip, last - ready);
    if (ready + count - begin > held) {
      bytes.copyWithin(heldAt, heldAt + (needed - begin) * pitch, heldAt + (ready - begin) * pitch);
      begin = needed;
    }
    const at = (from.top + ready) * stride + from.left * 3;
    bytes.set(picture.data.subarray(at, at + (count - 1) * stride + from.width * 3), stripAt);
    const to = heldAt + (ready - begin) * pitch;
    resampleColumns(stripAt, stride, to, pitch, count, firstAt, columnsAt, width, columns.pairs);
    ready += count;
  };
  for (let y = 0; y < height; y++) {
    const needed = rows.first[y]!;
    while (ready < rows.end[y]!) addStrip(needed);
    const weightsAt = rowsAt + y * rows.pairs * 8;
    const pairs = (rows.end[y]! - needed + 1) >> 1;
    resampleRow(heldAt + (needed - begin) * pitch, pitch, resultAt + y * width * 3, width * 3, weightsAt, pairs);
  }
  return { data: bytes.slice(resultAt, resultAt + width * height * 3), width, height };
}

const isWhole = ({ left, top, width, height }: Box, size: Size): boolean =>
  left === 0 && top === 0 && width === size.width && height === size.height;

const whole = ({ width, height }: Size): Box => ({ left: 0, top: 0, width, height });

/** The parts of a picture and of its resized copy that count; each must lie inside, and is all unless given. */
interface Parts {
  /** What is resized. */
  readonly from?: Box;
  /** What is returned of it. */
  readonly part?: Box;
}

/** As {@link resize}; what is not asked for is not computed. */
export function resizePart(
  picture: Picture,
  size: Size,
  interpolation: Interpolation,
  { from = whole(picture), part = whole(size) }: Parts = {},
): Picture {
  const { width, height } = size;
  if (!(Number.isInteger(width) && Number.isInteger(height) && width > 0 && height > 0)) {
    throw new PeftError('bad-argument', `resize: ${width}x${height} is not a size; give integers above zero.`);
  }
  if (isWhole(from, picture) && isWhole(part, picture) && isWhole(part, size)) return picture;
  if (width * Math.max(height, from.height) > defaultMaxPixels) {
    throw new PeftError(
      'bad-argument',
      `resize: ${from.width}x${from.height} to ${width}x${height} makes more than ${defaultMaxPixels} pixels; ` +
        'crop the picture, as it is too narrow.',
    );
  }
  return interpolation === 'nearest'
    ? resizeNearest(picture, from, size, part)
    : resample(picture, from, size, part, interpolation);
}

/**
 * Resizes with antialiasing, to the same bytes as Pillow's `Image.resize`: first along rows, then along columns, with
 * weights in 22-bit fixed point and rounding to 8 bits in between.
 *
 * @returns `picture` itself where the size is already right.
 */
export function resize(picture: Picture, width: number, height: number, interpolation: Interpolation): Picture {
  return resizePart(picture, { width, height }, interpolation);
}
