import { headBytes, isHeic } from '@peft/data';
import { decodeHeic } from './libheif.ts';

const jpegQuality = 0.95;

/** Whether a file is a HEIC picture, which few browsers decode. */
export const isHeicFile = async (file: Blob): Promise<boolean> =>
  isHeic(new Uint8Array(await file.slice(0, headBytes).arrayBuffer()));

/**
 * A HEIC file as one that every browser and Node decode: JPEG, or PNG where it is not opaque. Its decoder is loaded when it is first
 * needed. Takes up to seconds; call it in a worker.
 *
 * @throws Error for a file that is damaged or too large, and where the decoder cannot be loaded
 */
export async function withoutHeic(file: Blob): Promise<File> {
  const { pixels, isOpaque } = await decodeHeic(new Uint8Array(await file.arrayBuffer()));
  const canvas = new OffscreenCanvas(pixels.width, pixels.height);
  canvas.getContext('2d')?.putImageData(pixels, 0, 0);
  const type = isOpaque ? 'image/jpeg' : 'image/png';
  const blob = await canvas.convertToBlob({ type, quality: jpegQuality });
  const name = file instanceof File ? file.name.replace(/\.hei[cf]$/i, '') : 'picture';
  return new File([blob], `${name}${isOpaque ? '.jpg' : '.png'}`, { type });
}
