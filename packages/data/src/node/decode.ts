import { PeftError } from '@peft/core';
import type Sharp from 'sharp';
import type { Metadata } from 'sharp';
import { decodeBmp } from '../formats/bmp.ts';
import { decodeNetpbm } from '../formats/netpbm.ts';
import { headerSize } from '../formats/size.ts';
import { describeUnknown, formatOf, headBytes, type PictureFormat } from '../formats/sniff.ts';
import { checkMaxPixels, checkPixels, defaultMaxPixels } from '../limits.ts';
import type { Picture } from '../picture.ts';
import { Refused, undecodable } from '../refused.ts';
import { readBytes } from './files.ts';

export interface DecodeOptions {
  /** A picture of more pixels is refused before it is decoded; default 89,478,485, which is Pillow's limit. */
  readonly maxPixels?: number;
}

async function loadSharp(): Promise<typeof Sharp> {
  try {
    return (await import('sharp')).default;
  } catch (cause) {
    throw new PeftError(
      'missing',
      'Decoding pictures in Node needs the package sharp; install it with: npm install sharp',
      { cause },
    );
  }
}

const tooManyBands = (cause?: unknown): Refused =>
  undecodable(
    'it has more bands than the colors of a picture and alpha, as pictures of satellites have',
    'Export its red, green and blue as an 8-bit picture',
    cause,
  );

/** Throws unless the numbers of a picture are the colors of 8 or 16 bits that RGB can be made of. */
function checkContent({ channels, depth, width, height }: Metadata, maxPixels: number): void {
  checkPixels(width, height, maxPixels);
  if (channels > 5) throw tooManyBands();
  if (depth !== 'uchar' && depth !== 'ushort') {
    throw undecodable(
      `its values are of type ${depth}, not of 8 or 16 bits without sign`,
      'Scale them to 0..255 and save an 8-bit picture',
    );
  }
}

/** sharp stops at damage, but not at surplus bytes, which every other decoder ignores. */
const failOn = 'error';

const hasExif = ({ buffer, byteOffset, length }: Uint8Array): boolean =>
  Buffer.from(buffer, byteOffset, length).includes('Exif');

async function decodeBySharp(bytes: Uint8Array, format: PictureFormat, maxPixels: number): Promise<Picture> {
  const sharp = await loadSharp();
  try {
    // Read in order, libvips needs no second copy of the pixels.
    const image = sharp(bytes, { ignoreIcc: true, failOn, limitInputPixels: false, sequentialRead: true });
    const size = format === 'JPEG' ? headerSize(bytes, format) : undefined;
    if (size) checkPixels(...size, maxPixels);
    else checkContent(await image.metadata(), maxPixels);
    // Turning takes time even where there is nothing to turn.
    const upright = format === 'JPEG' && !hasExif(bytes) ? image : image.autoOrient();
    const { data, info } = await upright
      .removeAlpha()
      .toColourspace('srgb')
      .raw()
      .toBuffer({ resolveWithObject: true });
    if (info.channels !== 3) throw tooManyBands();
    return { data: new Uint8Array(data.buffer, data.byteOffset, data.length), width: info.width, height: info.height };
  } catch (cause) {
    if (cause instanceof PeftError) throw cause;
    if (cause instanceof Error && cause.message.includes('channel limit')) throw tooManyBands(cause);
    // libvips mixes up the messages of pictures that are decoded concurrently, so they go into the cause only.
    throw undecodable(`its ${format} data is damaged or ends early`, undefined, cause);
  }
}

function checkFormat(head: Uint8Array): PictureFormat {
  const format = formatOf(head);
  if (format) return format;
  throw undecodable(`it is ${describeUnknown(head)}`, 'Replace the file with a JPEG or PNG, or remove it');
}

async function decode(bytes: Uint8Array, maxPixels: number): Promise<Picture> {
  const format = checkFormat(bytes.subarray(0, headBytes));
  if (format === 'BMP') return decodeBmp(bytes, maxPixels);
  return format === 'Netpbm' ? decodeNetpbm(bytes, maxPixels) : decodeBySharp(bytes, format, maxPixels);
}

async function about<T>(source: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof Refused ? error.about(source) : error;
  }
}

/**
 * Decodes a picture file of a listed format, which its first bytes tell: turned upright by its EXIF data, its colors left as
 * they are stored, alpha dropped, gray and 16-bit made 8-bit RGB; of an animation the first frame.
 *
 * @param source what to call the picture in errors
 * @throws PeftError `bad-file` that says why the bytes cannot be decoded
 */
export async function decodePicture(
  bytes: Uint8Array,
  source: string,
  { maxPixels = defaultMaxPixels }: DecodeOptions = {},
): Promise<Picture> {
  checkMaxPixels(maxPixels);
  return about(source, () => decode(bytes, maxPixels));
}

/**
 * Reads and decodes a picture file.
 *
 * @param source what to call the picture in errors, by default its path
 */
export async function readPicture(
  path: string,
  source: string = path,
  { maxPixels = defaultMaxPixels }: DecodeOptions = {},
): Promise<Picture> {
  checkMaxPixels(maxPixels);
  // Four channels of 16 bits without compression, and a header: no picture file is larger.
  const limit = maxPixels * 8 + 1e6;
  return about(source, async () =>
    decode(await readBytes(path, { subject: source, limit, checkHead: checkFormat }), maxPixels),
  );
}
