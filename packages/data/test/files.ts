import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fromFloat32, fromInt32, type StoredTensor, serializeSafetensors } from '@peft/core';
import sharp from 'sharp';
import { onTestFinished } from 'vitest';
import type { PictureDataset } from '../src/index.ts';

/** A folder of the given files, removed when the test is over. */
export function temporaryFolder(files: Record<string, string | Uint8Array> = {}): string {
  const root = mkdtempSync(join(tmpdir(), 'peft-data-'));
  onTestFinished(() => rmSync(root, { recursive: true }));
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), content);
  }
  return root;
}

/** A PNG of one colour whose red says which picture it is. */
export const png = (red: number, width = 4, height = 3): Promise<Uint8Array> =>
  sharp({ create: { width, height, channels: 3, background: { r: red, g: 0, b: 255 } } })
    .png()
    .toBuffer();

/** Ten pictures of three classes in turn; `read` collects which were asked for. */
export function ten(read: number[], picture: PictureDataset['picture']): PictureDataset {
  const labels = Int32Array.from({ length: 10 }, (_, index) => index % 3);
  return {
    name: 'ten',
    size: 10,
    classes: ['a', 'b', 'c'],
    labels: () => labels,
    picture(index) {
      read.push(index);
      return picture(index);
    },
  };
}

/** `count` pictures of `height` x `width`, each filled with its own index, as bytes. */
export const numbered = (count: number, height: number, width: number, channels: number): StoredTensor => ({
  dtype: 'U8',
  shape: [count, height, width, channels],
  bytes: Uint8Array.from({ length: count * height * width * channels }, (_, i) => i / (height * width * channels)),
});

export const tensorFile = (
  tensors: { images?: StoredTensor; labels?: StoredTensor },
  metadata: Record<string, string> = {},
): Uint8Array =>
  serializeSafetensors(
    Object.entries(tensors).flatMap(([name, tensor]) => (tensor ? [[name, tensor] as const] : [])),
    metadata,
  );

export const labelled = (...labels: number[]): StoredTensor => fromInt32(Int32Array.from(labels), [labels.length]);

export const floats = (shape: number[]): StoredTensor =>
  fromFloat32(
    Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => i / 10),
    shape,
  );
