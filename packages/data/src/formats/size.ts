import type { PictureFormat } from './sniff.ts';

/** Width and height in pixels. */
export type Size = readonly [width: number, height: number];

/** A frame header: any of the markers C0 to CF but for the three that are tables. */
const isFrame = (marker: number): boolean => (marker & 0xf0) === 0xc0 && ![0xc4, 0xc8, 0xcc].includes(marker);

/** Walks the segments to the frame header. */
function jpegSize(view: DataView): Size | undefined {
  for (let at = 2; at + 9 <= view.byteLength; ) {
    const marker = view.getUint8(at + 1);
    if (view.getUint8(at) !== 0xff || marker === 0xff) at++;
    else if (isFrame(marker)) return [view.getUint16(at + 7), view.getUint16(at + 5)];
    else at += 2 + view.getUint16(at + 2);
  }
  return undefined;
}

function webpSize(view: DataView): Size | undefined {
  const kind = view.getUint8(15); // the last letter of `VP8 `, `VP8L` or `VP8X`
  if (kind === 0x20) return [view.getUint16(26, true) & 0x3fff, view.getUint16(28, true) & 0x3fff];
  if (kind === 0x4c) {
    const bits = view.getUint32(21, true);
    return [(bits & 0x3fff) + 1, ((bits >>> 14) & 0x3fff) + 1];
  }
  const threeBytes = (at: number): number => view.getUint32(at, true) & 0xffffff;
  return kind === 0x58 ? [threeBytes(24) + 1, threeBytes(27) + 1] : undefined;
}

/** The largest of the `ispe` boxes; they stand near the beginning. */
function avifSize(view: DataView): Size | undefined {
  let found: Size | undefined;
  for (let at = 0; at + 16 <= Math.min(view.byteLength, 65536); at++) {
    if (view.getUint32(at) !== 0x69737065) continue;
    const size: Size = [view.getUint32(at + 8), view.getUint32(at + 12)];
    if (!found || size[0] * size[1] > found[0] * found[1]) found = size;
  }
  return found;
}

const readers: Partial<Record<PictureFormat, (view: DataView) => Size | undefined>> = {
  AVIF: avifSize,
  BMP: view => [Math.abs(view.getInt32(18, true)), Math.abs(view.getInt32(22, true))],
  GIF: view => [view.getUint16(6, true), view.getUint16(8, true)],
  JPEG: jpegSize,
  PNG: view => [view.getUint32(16), view.getUint32(20)],
  WebP: webpSize,
};

/** The size in a file's header, read without decoding; undefined for an unknown or truncated header. */
export function headerSize(bytes: Uint8Array, format: PictureFormat): Size | undefined {
  try {
    return readers[format]?.(new DataView(bytes.buffer, bytes.byteOffset, bytes.length));
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}
