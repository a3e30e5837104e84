/** A picture of 8-bit RGB as a BMP file, which keeps every level and needs no codec. */
export function bmpOf({
  data,
  width,
  height,
}: {
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
}): Blob {
  const stride = (3 * width + 3) & ~3; // rows are filled up to four bytes
  const bytes = new Uint8Array(54 + stride * height);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, 0x424d); // "BM"
  view.setUint32(2, bytes.length, true);
  view.setUint32(10, 54, true); // where the pixels start
  view.setUint32(14, 40, true); // the size of the second header
  view.setInt32(18, width, true);
  view.setInt32(22, height, true); // positive: the last row comes first
  view.setUint16(26, 1, true);
  view.setUint16(28, 24, true);
  for (let row = 0; row < height; row++) {
    const from = row * width * 3;
    const to = 54 + (height - 1 - row) * stride;
    for (let i = 0; i < 3 * width; i += 3)
      bytes.set([data[from + i + 2]!, data[from + i + 1]!, data[from + i]!], to + i);
  }
  return new Blob([bytes], { type: 'image/bmp' });
}
