import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { crc32, deflateSync } from 'node:zlib';
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

/** Makes a named pipe, which nobody writes to. */
export const makePipe = (path: string): unknown => execFileSync('sh', ['-c', 'mkfifo "$1"', 'sh', path]);

/** A PNG of one color whose red says which picture it is. */
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

export const labeled = (...labels: number[]): StoredTensor => fromInt32(Int32Array.from(labels), [labels.length]);

export const floats = (shape: number[]): StoredTensor =>
  fromFloat32(
    Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => i / 10),
    shape,
  );

const chunk = (type: string, data: Uint8Array): Uint8Array => {
  const content = Buffer.concat([Buffer.from(type), data]);
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  sum.writeUInt32BE(crc32(content));
  return Buffer.concat([length, content, sum]);
};

/** A black and white PNG of `side` x `side` pixels, all black: a few bytes for very many pixels. */
export function blackPng(side: number): Uint8Array {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(side, 0);
  header.writeUInt32BE(side, 4);
  header[8] = 1; // bit a pixel, gray
  const data = deflateSync(Buffer.alloc(side * (1 + Math.ceil(side / 8))));
  const signature = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1');
  return Buffer.concat([signature, chunk('IHDR', header), chunk('IDAT', data), chunk('IEND', Buffer.alloc(0))]);
}

/** A TIFF of 4 x 3 pixels without compression, whose first value is 100 * 256 where it has 16 bits. */
export function tiff({ bands, bits, format = 1 }: { bands: number; bits: 16 | 32; format?: number }): Uint8Array {
  const data = new Uint8Array((4 * 3 * bands * bits) / 8).fill(100, 1, 2);
  const entries: [tag: number, type: 3 | 4, values: number[]][] = [
    [256, 4, [4]],
    [257, 4, [3]],
    [258, 3, Array(bands).fill(bits)],
    [259, 3, [1]],
    [262, 3, [1]],
    [273, 4, [8]],
    [277, 3, [bands]],
    [278, 4, [3]],
    [279, 4, [data.length]],
    ...(bands > 1 ? [[338, 3, Array(bands - 1).fill(0)] as [number, 3, number[]]] : []),
    [339, 3, Array(bands).fill(format)],
  ];
  const begin = 8 + data.length;
  const file = new DataView(new ArrayBuffer(begin + 2 + entries.length * 12 + 4 + entries.length * 64));
  new Uint8Array(file.buffer).set([0x49, 0x49, 42, 0], 0);
  file.setUint32(4, begin, true);
  new Uint8Array(file.buffer).set(data, 8);
  file.setUint16(begin, entries.length, true);
  let extra = begin + 2 + entries.length * 12 + 4;
  entries.forEach(([tag, type, values], i) => {
    const at = begin + 2 + i * 12;
    const size = type === 3 ? 2 : 4;
    file.setUint16(at, tag, true);
    file.setUint16(at + 2, type, true);
    file.setUint32(at + 4, values.length, true);
    const isInline = values.length * size <= 4;
    if (!isInline) file.setUint32(at + 8, extra, true);
    values.forEach((value, k) => {
      const to = (isInline ? at + 8 : extra) + k * size;
      if (size === 2) file.setUint16(to, value, true);
      else file.setUint32(to, value, true);
    });
    if (!isInline) extra += 64;
  });
  return new Uint8Array(file.buffer);
}
