import { readdirSync, readFileSync } from 'node:fs';
import { PeftError } from '@peft/core';
import fc from 'fast-check';
import sharp, { type Sharp } from 'sharp';
import { expect, test } from 'vitest';
import { failure } from '../../test/errors.ts';
import { blackPng } from '../../test/files.ts';
import { fixture } from '../../test/reference.ts';
import { decodeBlob } from '../index.ts';
import { decodeBmp } from './bmp.ts';
import { decodeNetpbm } from './netpbm.ts';
import { headerSize } from './size.ts';
import { describeUnknown, formatOf, isHeic, type PictureFormat } from './sniff.ts';

const formats: Record<string, PictureFormat> = {
  bmp: 'BMP',
  jpg: 'JPEG',
  pbm: 'Netpbm',
  pgm: 'Netpbm',
  png: 'PNG',
  ppm: 'Netpbm',
  webp: 'WebP',
};

const fixtures = readdirSync(fixture('.')).filter(name => !name.endsWith('.json'));

test.each(fixtures)('the first bytes of %s tell its format', name => {
  expect(formatOf(readFileSync(fixture(name)))).toBe(formats[name.split('.')[1]]);
});

test.each([
  ['JPEG', (image: Sharp) => image.withMetadata().jpeg()],
  ['JPEG', (image: Sharp) => image.jpeg({ progressive: true })],
  ['PNG', (image: Sharp) => image.png()],
  ['GIF', (image: Sharp) => image.gif()],
  ['WebP', (image: Sharp) => image.webp()],
  ['WebP', (image: Sharp) => image.webp({ lossless: true })],
  ['WebP', (image: Sharp) => image.withMetadata().ensureAlpha(0.5).webp()],
  ['AVIF', (image: Sharp) => image.avif({ effort: 0 })],
] as const)('the header of a %s gives its size', async (format, write) => {
  const image = sharp({ create: { width: 300, height: 31, channels: 3, background: 'green' } });
  const bytes = await write(image).toBuffer();
  expect(formatOf(bytes)).toBe(format);
  expect(headerSize(bytes, format)).toEqual([300, 31]);
});

test('other files are told apart', async () => {
  const tiff = await sharp({ create: { width: 2, height: 2, channels: 3, background: 'red' } })
    .tiff()
    .toBuffer();
  expect(formatOf(tiff)).toBe('TIFF');
  const of = (text: string): string => describeUnknown(Buffer.from(text, 'latin1'));
  expect([of(''), of('hello'), of('BMx'), of('P7\n'), of('<svg>')]).toEqual([
    'empty',
    'not a picture',
    'not a picture',
    'not a picture',
    'SVG, a drawing and not a picture of pixels, which is not decoded here',
  ]);
});

/** Runs a decoder on damaged bytes: a picture of the right length or a PeftError. */
function decodes(
  decode: (bytes: Uint8Array, maxPixels: number) => { data: Uint8Array; width: number; height: number },
  bytes: Uint8Array,
) {
  try {
    const { data, width, height } = decode(bytes, 1e6);
    expect(data.length).toBe(width * height * 3);
  } catch (error) {
    expect(error).toBeInstanceOf(PeftError);
  }
}

const damage = fc.array(fc.tuple(fc.nat(80), fc.nat(255)), { maxLength: 4 });

test.each(fixtures.filter(name => /\.(bmp|p.m)$/.test(name)))('a damaged %s is a picture or a PeftError', name => {
  const whole = readFileSync(fixture(name));
  const decode = name.endsWith('bmp') ? decodeBmp : decodeNetpbm;
  fc.assert(
    fc.property(damage, fc.nat(whole.length), (changes, length) => {
      const bytes = Uint8Array.from(whole.subarray(0, length));
      for (const [at, value] of changes) if (at > 1 && at < length) bytes[at] = value;
      decodes(decode, bytes);
    }),
    { numRuns: 300 },
  );
});

test('sizes that a header claims are compared with the file before anything is allocated', () => {
  const bmp = Uint8Array.from(readFileSync(fixture('24.bmp')));
  new DataView(bmp.buffer).setInt32(18, 30_000, true);
  expect(() => decodeBmp(bmp, 1e9)).toThrow(/its data ends early/);
  for (const header of [
    'P6 30000 30000 255\n',
    'P5 30000 30000 255\n',
    'P3 30000 30000 255\n1',
    'P4 30000 30000\n',
    'P1 9999 9999\n0',
  ]) {
    expect(() => decodeNetpbm(Buffer.from(header), 1e9)).toThrow(/its data ends early/);
    expect(() => decodeNetpbm(Buffer.from(header), 1e6)).toThrow(/more than the limit of 1000000/);
  }
  expect(() => decodeNetpbm(Buffer.from('P2 1 1 9\n10'), 9)).toThrow(/a value of 10, above its maximum of 9/);
  expect(() => decodeNetpbm(Buffer.from('P2 1 x'), 9)).toThrow(/a number is malformed/);
});

test('any header gives a size or none', () => {
  fc.assert(
    fc.property(
      fc.constantFrom<PictureFormat>('AVIF', 'BMP', 'GIF', 'JPEG', 'PNG', 'TIFF', 'WebP'),
      fc.uint8Array({ maxLength: 90 }),
      (format, bytes) => {
        headerSize(bytes, format);
        formatOf(bytes);
        describeUnknown(bytes);
      },
    ),
    { numRuns: 1000 },
  );
});

test('decodeBlob refuses what is not listed, and too many pixels, before the browser decodes it', async () => {
  const svg = new File(['<svg xmlns="http://www.w3.org/2000/svg"/>'], 'a.png', { type: 'image/png' });
  expect((await failure(decodeBlob(svg))).message).toMatch(
    /^a\.png \(image\/png, \d+ bytes\) cannot be decoded: it is SVG/,
  );
  const bomb = new Blob([Uint8Array.from(blackPng(16_383))]);
  expect((await failure(decodeBlob(bomb))).message).toContain('16383x16383 pixels, more than the limit of 89478485');
  const small = new Blob([Uint8Array.from(blackPng(8))]);
  expect((await failure(decodeBlob(small, { maxPixels: 63 }))).message).toContain(
    'Shrink the picture, or raise maxPixels',
  );
  const cut = new Blob([Uint8Array.from(readFileSync(fixture('444.jpg')).subarray(0, 30))]);
  expect((await failure(decodeBlob(cut))).message).toContain('its header gives no size');
});

test.each([
  [true, 'ftypheic\0\0\0\0mif1heic'],
  [true, 'ftypmif1\0\0\0\0mif1heix'],
  [false, 'ftypavif\0\0\0\0mif1avif'],
  [false, 'ftypisom\0\0\0\0mp42isom'],
])('is HEIC: %s for %j', (expected, text) => {
  expect(isHeic(Buffer.from(`\0\0\0\x18${text}`))).toBe(expected);
});
