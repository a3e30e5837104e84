/** The formats that are decoded. */
export type PictureFormat = 'AVIF' | 'BMP' | 'GIF' | 'JPEG' | 'Netpbm' | 'PNG' | 'TIFF' | 'WebP';

/** The number of first bytes that tell the format. */
export const headBytes = 64;

const ascii = (bytes: Uint8Array, begin: number, end: number): string =>
  String.fromCharCode(...bytes.subarray(begin, end));

const bitmapHeaders = [12, 40, 52, 56, 64, 108, 124];

/** The first bytes of each format, as Latin-1 characters. */
const signatures: readonly (readonly [PictureFormat, (text: string) => boolean])[] = [
  ['JPEG', text => text.startsWith('\xff\xd8\xff')],
  ['PNG', text => text.startsWith('\x89PNG\r\n\x1a\n')],
  ['GIF', text => /^GIF8[79]a/.test(text)],
  ['WebP', text => text.startsWith('RIFF') && text.startsWith('WEBP', 8)],
  ['TIFF', text => ['II*\0', 'II+\0', 'MM\0*', 'MM\0+'].includes(text.slice(0, 4))],
  [
    'BMP',
    text => text.startsWith('BM') && bitmapHeaders.includes(text.charCodeAt(14)) && text.startsWith('\0\0\0', 15),
  ],
  ['Netpbm', text => /^P[1-6][\s#]/.test(text)],
];

/** The brands of an ISO media file, main one first: `avif`, `heic`, ... */
function brands(head: Uint8Array, text: string): string[] {
  if (text.slice(4, 8) !== 'ftyp' || head.length < 12) return [];
  const length = new DataView(head.buffer, head.byteOffset).getUint32(0);
  const names = text.slice(8, Math.min(length, text.length)).match(/.{4}/gs) ?? [];
  return names.filter((_, i) => i !== 1); // the second word is a version
}

/** The format of a file by its first bytes, whatever its name; undefined for formats that are not decoded. */
export function formatOf(bytes: Uint8Array): PictureFormat | undefined {
  const text = ascii(bytes, 0, headBytes);
  const found = signatures.find(([, matches]) => matches(text));
  if (found) return found[0];
  return brands(bytes, text).some(brand => brand === 'avif' || brand === 'avis') ? 'AVIF' : undefined;
}

/** Common formats that are not decoded. */
const others: readonly (readonly [string, (text: string) => boolean])[] = [
  ['SVG, a drawing and not a picture of pixels', text => /^\s*<(svg|\?xml.*<svg)/is.test(text)],
  ['JPEG XL', text => text.startsWith('\xff\x0a') || text.startsWith('JXL ', 4)],
  ['JPEG 2000', text => text.startsWith('\xff\x4f\xff\x51') || text.startsWith('jP  ', 4)],
  ['PDF', text => text.startsWith('%PDF')],
  ['Photoshop', text => text.startsWith('8BPS')],
];

const heifBrands = /^(hei[cxms]|hev[cxms]|mif[12]|msf1)$/;

/** Whether a file is HEIC, by its first bytes; AVIF, which is kept in the same way, is not. */
export const isHeic = (bytes: Uint8Array): boolean =>
  formatOf(bytes) === undefined && brands(bytes, ascii(bytes, 0, headBytes)).some(brand => heifBrands.test(brand));

/** Describes a file that {@link formatOf} does not know, to follow "it is". */
export function describeUnknown(bytes: Uint8Array): string {
  if (bytes.length === 0) return 'empty';
  const text = ascii(bytes, 0, headBytes);
  if (isHeic(bytes)) return 'HEIC, which is not decoded here';
  const known = others.find(([, matches]) => matches(text));
  return known ? `${known[0]}, which is not decoded here` : 'not a picture';
}
