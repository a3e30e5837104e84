import { readdirSync, readFileSync, symlinkSync, truncateSync } from 'node:fs';
import { dirname, join } from 'node:path';
import sharp from 'sharp';
import { expect, test } from 'vitest';
import { failure } from '../../test/errors.ts';
import { blackPng, makePipe, temporaryFolder, tiff } from '../../test/files.ts';
import { bytesOf, fixture, maxDifference, reference } from '../../test/reference.ts';
import { decodePicture, readPicture } from './decode.ts';

for (const [name, expected] of Object.entries(reference().files)) {
  test(`${name} has the pixels that Pillow reads`, async () => {
    const picture = await readPicture(fixture(name));
    expect([picture.width, picture.height]).toEqual([expected.width, expected.height]);
    expect(maxDifference(picture.data, bytesOf(expected.data))).toBe(0);
  });
}

test('every fixture has a reference', () => {
  const pictures = readdirSync(dirname(fixture('reference.json'))).filter(name => !name.endsWith('.json'));
  expect(pictures.sort()).toEqual(Object.keys(reference().files).sort());
});

const jpeg = (name: string): string => new URL(`../../test/jpeg/${name}.jpg`, import.meta.url).pathname;

test.each(['before-sos', 'samsung-sos', 'extraneous', 'trailing'])(
  '%s.jpg, with surplus bytes, decodes as without',
  async name => {
    expect(await readPicture(jpeg(name))).toEqual(await readPicture(jpeg('clean')));
  },
);

test.each(['no-eoi', 'truncated'])('%s.jpg is damaged, and refused by name', async name => {
  const { code, message } = await failure(readPicture(jpeg(name)));
  expect(code).toBe('bad-file');
  expect(message).toContain(`${jpeg(name)} cannot be decoded: its JPEG data is damaged or ends early`);
});

test('bytes that sharp would render or fetch are refused unless they are of a listed format', async () => {
  const svg = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" height="9"/></svg>';
  for (const text of [svg, `<?xml version="1.0"?>\n${svg}`, `\n  ${svg}`]) {
    const { message } = await failure(decodePicture(Buffer.from(text), 'a.png'));
    expect(message).toMatch(/^a\.png cannot be decoded: it is (SVG|not a picture)/);
  }
  const heic = Buffer.concat([Buffer.from([0, 0, 0, 24]), Buffer.from('ftypheic\0\0\0\0mif1heic')]);
  expect((await failure(decodePicture(heic, 'a.jpg'))).message).toContain('it is HEIC, which is not decoded here');
  expect((await failure(decodePicture(Buffer.from('%PDF-1.7'), 'a.jpg'))).message).toContain('it is PDF');
});

test('a picture of too many pixels is refused before it is decoded', async () => {
  const bomb = blackPng(16_383);
  expect(bomb.length).toBeLessThan(40_000);
  const before = process.memoryUsage().rss;
  const { code, message } = await failure(decodePicture(bomb, 'a.png'));
  expect(code).toBe('bad-file');
  expect(message).toContain('it has 16383x16383 pixels, more than the limit of 89478485');
  expect(process.memoryUsage().rss - before).toBeLessThan(1e8);
  const small = readFileSync(fixture('24.bmp'));
  expect((await failure(decodePicture(small, 'a.bmp', { maxPixels: 186 }))).message).toContain('17x11 pixels');
  expect((await decodePicture(small, 'a.bmp', { maxPixels: 187 })).width).toBe(17);
  expect(await failure(decodePicture(small, 'a.bmp', { maxPixels: 0 }))).toMatchObject({ code: 'bad-argument' });
});

test('pictures that are not colors of 8 or 16 bits say so', async () => {
  const { message } = await failure(decodePicture(tiff({ bands: 13, bits: 16 }), 'a.tif'));
  expect(message).toMatch(
    /a\.tif cannot be decoded: it has more bands than the colors.*Export its red, green and blue/,
  );
  expect((await failure(decodePicture(tiff({ bands: 1, bits: 32, format: 3 }), 'a.tif'))).message).toContain(
    'type float',
  );
  expect((await failure(decodePicture(tiff({ bands: 1, bits: 16, format: 2 }), 'a.tif'))).message).toContain(
    'type short',
  );
  const { data } = await decodePicture(tiff({ bands: 1, bits: 16 }), 'a.tif');
  expect([...data.subarray(0, 3)]).toEqual([100, 100, 100]);
});

test('CMYK becomes RGB, and of 16 bits the upper 8 are kept', async () => {
  const color = { r: 200, g: 80, b: 40 };
  const image = () => sharp({ create: { width: 8, height: 8, channels: 3, background: color } });
  const cmyk = await image().toColourspace('cmyk').jpeg({ quality: 100 }).toBuffer();
  expect((await sharp(cmyk).metadata()).space).toBe('cmyk');
  const { data } = await decodePicture(cmyk, 'a.jpg');
  expect(data.length).toBe(8 * 8 * 3);
  expect(Math.max(...[200, 80, 40].map((value, i) => Math.abs(data[i] - value)))).toBeLessThan(40);
  const deep = await image().toColourspace('rgb16').png().toBuffer();
  expect((await sharp(deep).metadata()).depth).toBe('ushort');
  expect([...(await decodePicture(deep, 'a.png')).data.subarray(0, 3)]).toEqual([200, 80, 40]);
});

test('only regular files are read', async () => {
  const root = temporaryFolder({ 'folder/a.txt': '' });
  makePipe(join(root, 'pipe.png'));
  symlinkSync('/dev/zero', join(root, 'zero.png'));
  symlinkSync('loop.png', join(root, 'loop.png'));
  for (const name of ['pipe.png', 'zero.png']) {
    expect((await failure(readPicture(join(root, name)))).message).toContain('is a pipe, a socket or a device');
  }
  expect((await failure(readPicture(join(root, 'folder')))).message).toContain(
    'folder is a folder. Give a regular file',
  );
  expect((await failure(readPicture(join(root, 'folder/a.txt/b.png')))).message).toContain(
    'a part of its path is a file',
  );
  expect((await failure(readPicture(join(root, 'loop.png')))).message).toContain('its links lead to each other');
  expect((await failure(readPicture(join(root, 'a\0.png')))).message).toContain('its path holds a null byte');
  expect((await failure(readPicture(join(root, 'a'.repeat(300))))).message).toContain('its name is too long');
});

test('a file that is larger than its pixels could be is not read', async () => {
  const root = temporaryFolder({ 'a.bmp': readFileSync(fixture('24.bmp')) });
  truncateSync(join(root, 'a.bmp'), 3e6);
  const { message } = await failure(readPicture(join(root, 'a.bmp'), undefined, { maxPixels: 187 }));
  expect(message).toContain('has 3000000 bytes; the limit is 1001496');
});

test('a truncated JPEG is an error that names it', async () => {
  const bytes = readFileSync(fixture('444.jpg')).subarray(0, 500);
  await expect(decodePicture(bytes, 'cats/7.jpg (train.txt:3)')).rejects.toMatchObject({
    code: 'bad-file',
    message: expect.stringMatching(/^cats\/7\.jpg \(train\.txt:3\) cannot be decoded: .+\. Replace the file/),
  });
});

test('bytes that are no picture are an error', async () => {
  await expect(decodePicture(new TextEncoder().encode('hello'), 'a.jpg')).rejects.toMatchObject({ code: 'bad-file' });
  await expect(decodePicture(new Uint8Array(), 'a.jpg')).rejects.toMatchObject({ code: 'bad-file' });
});

test('a file that is not there is an error that names it', async () => {
  await expect(readPicture(fixture('none.jpg'))).rejects.toMatchObject({
    code: 'missing',
    message: expect.stringMatching(/none\.jpg does not exist/),
  });
});
