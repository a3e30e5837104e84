import { PeftError } from '@peft/core';
import type Sharp from 'sharp';
import type { Picture } from '../picture.ts';
import { readBytes } from './files.ts';

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

/**
 * Decodes a picture file: turned upright by its EXIF data, its colours left as they are stored, alpha dropped, grey and
 * 16-bit made 8-bit RGB; of an animation the first frame.
 *
 * @param source what to call the picture in errors
 */
export async function decodePicture(bytes: Uint8Array, source: string): Promise<Picture> {
  const sharp = await loadSharp();
  try {
    const { data, info } = await sharp(bytes, { ignoreIcc: true })
      .autoOrient()
      .removeAlpha()
      .toColourspace('srgb')
      .raw()
      .toBuffer({ resolveWithObject: true });
    return { data: new Uint8Array(data.buffer, data.byteOffset, data.length), width: info.width, height: info.height };
  } catch (cause) {
    const reason = (cause instanceof Error ? cause.message : String(cause)).trim().replace(/\s*\n\s*/g, '; ');
    throw new PeftError('bad-file', `${source} cannot be decoded: ${reason}. Replace the file, or remove it.`, {
      cause,
    });
  }
}

/**
 * Reads and decodes a picture file.
 *
 * @param source what to call the picture in errors, by default its path
 */
export const readPicture = async (path: string, source: string = path): Promise<Picture> =>
  decodePicture(await readBytes(path, source), source);
