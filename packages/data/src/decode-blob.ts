import { PeftError } from '@peft/core';
import type { Picture } from './picture.ts';

/**
 * Decodes a picture file in a browser or a worker. Turned upright by its EXIF data, its colours left as they are stored;
 * pixels that are not opaque pass through a canvas, which keeps the less of their colour the more transparent they are.
 */
export async function decodeBlob(blob: Blob): Promise<Picture> {
  let bitmap: ImageBitmap;
  try {
    bitmap = await createImageBitmap(blob, {
      imageOrientation: 'from-image',
      premultiplyAlpha: 'none',
      colorSpaceConversion: 'none',
    });
  } catch (cause) {
    const name = blob instanceof File ? blob.name : 'the picture';
    throw new PeftError(
      'bad-file',
      `${name} (${blob.type || 'no type'}, ${blob.size} bytes) could not be decoded; use a JPEG, PNG or WebP file.`,
      { cause },
    );
  }
  try {
    const { width, height } = bitmap;
    const context = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true });
    if (!context)
      throw new PeftError('not-supported', 'This browser gives no 2D canvas outside the page; use a newer one.');
    context.drawImage(bitmap, 0, 0);
    const rgba = context.getImageData(0, 0, width, height).data;
    const data = new Uint8Array(width * height * 3);
    for (let from = 0, to = 0; from < rgba.length; from += 4) {
      data[to++] = rgba[from];
      data[to++] = rgba[from + 1];
      data[to++] = rgba[from + 2];
    }
    return { data, width, height };
  } finally {
    bitmap.close();
  }
}
