/** Makes small copies of picture files, away from the page. */
import { sha256Of } from '@peft/core';
import { checkBlob } from '@peft/data';
import { messageOf } from '../message-of.ts';
import { isHeicFile, withoutHeic } from './heic.ts';
import type { PrepareReply, PrepareRequest } from './prepare.ts';

interface WorkerScope {
  postMessage(message: PrepareReply): void;
  addEventListener(type: 'message', listener: (event: { readonly data: PrepareRequest }) => void): void;
}

const scope = globalThis as unknown as WorkerScope;
/** The longer side of a small copy, in pixels. */
const side = 96;

async function thumbOf(bitmap: ImageBitmap, blob: Blob): Promise<Blob> {
  const scale = side / Math.max(bitmap.width, bitmap.height);
  if (scale >= 1 && blob.size < 10_000) return blob; // as small as a copy would be
  const [width, height] = [bitmap.width, bitmap.height].map(length =>
    Math.max(1, Math.round(length * Math.min(1, scale))),
  );
  const canvas = new OffscreenCanvas(width!, height!);
  canvas.getContext('2d')?.drawImage(bitmap, 0, 0, width!, height!);
  return canvas.convertToBlob({ type: 'image/webp', quality: 0.8 });
}

async function prepare({ id, blob: file }: PrepareRequest): Promise<PrepareReply> {
  try {
    const instead = (await isHeicFile(file)) ? await withoutHeic(file) : undefined;
    const blob = instead ?? file;
    await checkBlob(blob);
    const bitmap = await createImageBitmap(blob, { imageOrientation: 'from-image' });
    const { width, height } = bitmap;
    const thumb = await thumbOf(bitmap, blob);
    bitmap.close();
    const hash = sha256Of(new Uint8Array(await blob.arrayBuffer()));
    return { id, thumb, width, height, hash, ...(instead && { instead }) };
  } catch (error) {
    return { id, error: messageOf(error) };
  }
}

scope.addEventListener('message', async ({ data }) => scope.postMessage(await prepare(data)));
