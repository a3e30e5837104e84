import { PeftError } from '@peft/core';
import { headerSize } from './formats/size.ts';
import { describeUnknown, formatOf } from './formats/sniff.ts';
import { checkMaxPixels, checkPixels, defaultMaxPixels } from './limits.ts';
import type { Picture } from './picture.ts';
import { Refused, undecodable } from './refused.ts';
import { straightPixels } from './straight-pixels.ts';

/** The limit of a picture that is decoded. */
export interface DecodeBlobOptions {
  /** A picture of more pixels is refused before it is decoded; default 89,478,485, which is Pillow's limit. */
  readonly maxPixels?: number;
}

const advice = 'Use a JPEG, PNG or WebP file';

/** Says which file an error is about. */
function named(error: unknown, blob: Blob): unknown {
  const name = blob instanceof File ? blob.name : 'The picture';
  return error instanceof Refused ? error.about(`${name} (${blob.type || 'no type'}, ${blob.size} bytes)`) : error;
}

/**
 * Checks that a file is a picture of a format and a size that {@link decodeBlob} takes, by its first bytes, without decoding it.
 *
 * @throws PeftError `bad-file` for another format, and a picture of too many pixels
 */
export async function checkBlob(blob: Blob, { maxPixels = defaultMaxPixels }: DecodeBlobOptions = {}): Promise<void> {
  checkMaxPixels(maxPixels);
  try {
    await checkHeader(blob, maxPixels);
  } catch (error) {
    throw named(error, blob);
  }
}

async function checkHeader(blob: Blob, maxPixels: number): Promise<void> {
  const bytes = new Uint8Array(await blob.slice(0, 2 ** 20).arrayBuffer()); // a JPEG's frame header may follow a thumbnail
  const format = formatOf(bytes);
  if (!format) throw undecodable(`it is ${describeUnknown(bytes)}`, advice);
  const size = headerSize(bytes, format);
  if (size) checkPixels(...size, maxPixels);
  else throw undecodable(`it is ${format}, and its header gives no size`, advice);
}

async function toBitmap(blob: Blob, maxPixels: number): Promise<ImageBitmap> {
  await checkHeader(blob, maxPixels);
  try {
    return await createImageBitmap(blob, {
      imageOrientation: 'from-image',
      premultiplyAlpha: 'none',
      colorSpaceConversion: 'none',
    });
  } catch (cause) {
    throw undecodable('the browser does not read it', advice, cause);
  }
}

function isOpaque(rgba: Uint8ClampedArray): boolean {
  for (let i = 3; i < rgba.length; i += 4) if (rgba[i] !== 255) return false;
  return true;
}

/**
 * Decodes a picture file in a browser or a worker: JPEG, PNG, WebP, GIF, AVIF or BMP, by its first bytes. Turned upright by its
 * EXIF data, its colors left as they are stored, opacity dropped. Without WebGL, pixels that are not opaque pass through a canvas,
 * which keeps the less of their color the more transparent they are.
 *
 * @throws PeftError `bad-file` for another format, a picture of too many pixels, and one that the browser does not read
 */
export async function decodeBlob(
  blob: Blob,
  { maxPixels = defaultMaxPixels }: DecodeBlobOptions = {},
): Promise<Picture> {
  checkMaxPixels(maxPixels);
  let bitmap: ImageBitmap;
  try {
    bitmap = await toBitmap(blob, maxPixels);
  } catch (error) {
    throw named(error, blob);
  }
  try {
    const { width, height } = bitmap;
    const context = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true });
    if (!context)
      throw new PeftError('not-supported', 'This browser gives no 2D canvas outside the page; use a newer one.');
    context.drawImage(bitmap, 0, 0);
    const drawn = context.getImageData(0, 0, width, height).data;
    const rgba = (isOpaque(drawn) ? undefined : straightPixels(bitmap)) ?? drawn;
    const data = new Uint8Array(width * height * 3);
    for (let from = 0, to = 0; from < rgba.length; from += 4) {
      data[to++] = rgba[from]!;
      data[to++] = rgba[from + 1]!;
      data[to++] = rgba[from + 2]!;
    }
    return { data, width, height };
  } finally {
    bitmap.close();
  }
}
