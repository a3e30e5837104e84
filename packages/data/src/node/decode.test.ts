import { readdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { expect, test } from 'vitest';
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

test('a truncated JPEG is an error that names it', async () => {
  const bytes = readFileSync(fixture('444.jpg')).subarray(0, 500);
  await expect(decodePicture(bytes, 'cats/7.jpg (train.txt:3)')).rejects.toMatchObject({
    code: 'bad-file',
    message: expect.stringMatching(/^cats\/7\.jpg \(train\.txt:3\) cannot be decoded: .+ Replace the file/),
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
