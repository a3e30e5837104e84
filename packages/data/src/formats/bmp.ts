import { checkPixels } from '../limits.ts';
import type { Picture } from '../picture.ts';
import { undecodable } from '../refused.ts';

type Masks = readonly [red: number, green: number, blue: number];

interface Header {
  readonly width: number;
  readonly height: number;
  /** Whether rows are stored from the top rather than from the bottom. */
  readonly topDown: boolean;
  readonly depth: number;
  /** The end of the header. */
  readonly end: number;
  /** The start of the pixels. */
  readonly start: number;
  readonly colors: number;
  /** Bytes of a color in the palette. */
  readonly colorBytes: 3 | 4;
  /** The bits of red, green and blue. */
  readonly masks: Masks;
}

const [rgb, bitFields, alphaBitFields] = [0, 3, 6];

function readHeader(view: DataView): Header {
  const word = (at: number): number => view.getUint32(at, true);
  const half = (at: number): number => view.getUint16(at, true);
  const size = word(14);
  const start = word(10);
  const end = 14 + size;
  const common = { end, start };
  if (size === 12) {
    const depth = half(24);
    return {
      ...common,
      width: half(18),
      height: half(20),
      topDown: false,
      depth,
      colors: 2 ** depth,
      colorBytes: 3,
      masks: [0xff0000, 0xff00, 0xff],
    };
  }
  const height = view.getInt32(22, true);
  const depth = half(28);
  const compression = word(30);
  if (![rgb, bitFields, alphaBitFields].includes(compression)) {
    throw undecodable(`it is a BMP of compression ${compression}`, 'Save it without compression, or as PNG');
  }
  if (compression !== rgb && view.byteLength < 66) throw undecodable('its header ends early');
  const usual: Masks = depth === 16 ? [0x7c00, 0x3e0, 0x1f] : [0xff0000, 0xff00, 0xff];
  return {
    ...common,
    width: view.getInt32(18, true),
    height: Math.abs(height),
    topDown: height < 0,
    depth,
    colors: word(46) || 2 ** depth,
    colorBytes: 4,
    masks: compression === rgb ? usual : [word(54), word(58), word(62)],
  };
}

/** Extracts one channel from a pixel's bits, scaled to 0..255. */
function channelOf(mask: number): (bits: number) => number {
  const shift = mask === 0 ? 0 : 31 - Math.clz32(mask & -mask);
  const most = mask >>> shift;
  return bits => (most === 0 ? 0 : Math.floor((((bits & mask) >>> shift) * 255) / most));
}

/** The color of a pixel by its position in the row. */
type ReadPixel = (row: number, column: number, data: Uint8Array, to: number) => void;

function readPalette(bytes: Uint8Array, { depth, end, start, colors, colorBytes }: Header): ReadPixel {
  const count = Math.min(colors, 2 ** depth, Math.floor((start - end) / colorBytes));
  const perByte = 8 / depth;
  return (row, column, data, to) => {
    const byte = bytes[row + Math.floor(column / perByte)]!;
    const index = (byte >> (8 - depth * ((column % perByte) + 1))) & (2 ** depth - 1);
    if (index >= count) throw undecodable(`it uses color ${index} of a palette of ${count}`);
    const at = end + index * colorBytes;
    data[to] = bytes[at + 2]!;
    data[to + 1] = bytes[at + 1]!;
    data[to + 2] = bytes[at]!;
  };
}

function readMasked(view: DataView, { depth, masks }: Header): ReadPixel {
  const [red, green, blue] = [channelOf(masks[0]), channelOf(masks[1]), channelOf(masks[2])];
  return (row, column, data, to) => {
    const bits = depth === 16 ? view.getUint16(row + column * 2, true) : view.getUint32(row + column * 4, true);
    data[to] = red(bits);
    data[to + 1] = green(bits);
    data[to + 2] = blue(bits);
  };
}

const readBytes = (bytes: Uint8Array): ReadPixel => {
  return (row, column, data, to) => {
    const at = row + column * 3;
    data[to] = bytes[at + 2]!;
    data[to + 1] = bytes[at + 1]!;
    data[to + 2] = bytes[at]!;
  };
};

/** Decodes a Windows bitmap of 1, 4, 8, 16, 24 or 32 bits a pixel, without compression. Alpha is dropped. */
export function decodeBmp(bytes: Uint8Array, maxPixels: number): Picture {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (bytes.length < (bytes[14] === 12 ? 26 : 54)) throw undecodable('its header ends early');
  const header = readHeader(view);
  const { width, height, topDown, depth, end, start } = header;
  checkPixels(width, height, maxPixels);
  if (![1, 4, 8, 16, 24, 32].includes(depth)) throw undecodable(`it is a BMP of ${depth} bits a pixel`);
  const stride = Math.ceil((width * depth) / 32) * 4;
  if (start < end || start + stride * height > bytes.length) throw undecodable('its data ends early');
  const read = depth <= 8 ? readPalette(bytes, header) : depth === 24 ? readBytes(bytes) : readMasked(view, header);
  const data = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) {
    const row = start + (topDown ? y : height - 1 - y) * stride;
    for (let x = 0; x < width; x++) read(row, x, data, (y * width + x) * 3);
  }
  return { data, width, height };
}
