import { PeftError } from '@peft/core';
import { expect, test } from 'vitest';
import { decodeBlob } from '../../src/index.ts';

const fixture = async (name: string): Promise<Blob> => {
  const answer = await fetch(new URL(`../fixtures/${name}`, import.meta.url));
  return answer.blob();
};

interface Expected {
  readonly width: number;
  readonly height: number;
  readonly data: string;
}

const bytesOf = (base64: string): Uint8Array => Uint8Array.from(atob(base64), character => character.charCodeAt(0));

test.each(['444.jpg', 'exif.jpg', 'palette.png', 'alpha.png', 'gray16.png', 'lossless.webp', '24.bmp', 'palette8.bmp'])(
  '%s has the pixels that Pillow reads',
  async name => {
    const { files }: { files: Record<string, Expected> } = JSON.parse(await (await fixture('reference.json')).text());
    const { width, height, data } = files[name];
    const picture = await decodeBlob(await fixture(name));
    expect([picture.width, picture.height]).toEqual([width, height]);
    expect(picture.data).toEqual(bytesOf(data));
  },
);

test('a drawing and a picture of too many pixels are refused, and a damaged one is named', async () => {
  const svg = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" height="9"/></svg>';
  await expect(decodeBlob(new File([svg], 'a.png', { type: 'image/svg+xml' }))).rejects.toThrow(/it is SVG/);
  await expect(decodeBlob(await fixture('24.bmp'), { maxPixels: 186 })).rejects.toThrow(/17x11 pixels, more than/);
  const broken = (await fixture('palette.png')).slice(0, 60);
  await expect(decodeBlob(new File([broken], 'b.png'))).rejects.toThrow(PeftError);
});
