import { PeftError } from '@peft/core';

/** A decoded picture: 8-bit RGB, row by row. */
export interface Picture {
  /** `[height, width, 3]`, the length is `height * width * 3`. */
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
}

/** Width and height in pixels. */
export type Size = Pick<Picture, 'width' | 'height'>;

/** A part of a picture: its corner and its size, in pixels. */
export interface Box extends Size {
  readonly left: number;
  readonly top: number;
}

/** The color of pixels outside a picture: red, green, blue. */
export type Color = readonly [number, number, number];

const black: Color = [0, 0, 0];

/** The part of a picture that begins at column `left` and row `top`; it must lie inside. */
export function crop(picture: Picture, left: number, top: number, width: number, height: number): Picture {
  if (left < 0 || top < 0 || width < 1 || height < 1 || left + width > picture.width || top + height > picture.height) {
    throw new PeftError(
      'bad-argument',
      `crop: ${width}x${height} at (${left}, ${top}) does not lie inside a picture of ${picture.width}x${picture.height}; ` +
        `pad it first, or ask for less.`,
    );
  }
  const data = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) {
    const from = ((top + y) * picture.width + left) * 3;
    data.set(picture.data.subarray(from, from + width * 3), y * width * 3);
  }
  return { data, width, height };
}

/** Adds a border of one color. */
export function pad(
  picture: Picture,
  border: { left: number; top: number; right: number; bottom: number },
  color: Color = black,
): Picture {
  const width = picture.width + border.left + border.right;
  const height = picture.height + border.top + border.bottom;
  const data = new Uint8Array(width * height * 3);
  if (color.some(value => value !== 0)) for (let i = 0; i < data.length; i++) data[i] = color[i % 3]!;
  const row = picture.width * 3;
  for (let y = 0; y < picture.height; y++) {
    data.set(picture.data.subarray(y * row, (y + 1) * row), ((border.top + y) * width + border.left) * 3);
  }
  return { data, width, height };
}

/** Rounds halves to the even neighbor, as Python does. */
export function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  if (value - floor !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}

/** The middle of a picture, as torchvision's `center_crop` takes it; its corner lies outside where the picture is smaller. */
export const centerBox = (from: Size, { width, height }: Size): Box => ({
  left: roundHalfEven((from.width - width) / 2),
  top: roundHalfEven((from.height - height) / 2),
  width,
  height,
});

/** The middle `width` x `height` of a picture, padded where it is smaller (torchvision's `center_crop`). */
export function centerCrop(picture: Picture, width: number, height: number, color: Color = black): Picture {
  const dx = Math.max(0, width - picture.width);
  const dy = Math.max(0, height - picture.height);
  const border = { left: dx >> 1, top: dy >> 1, right: (dx + 1) >> 1, bottom: (dy + 1) >> 1 };
  const padded = dx > 0 || dy > 0 ? pad(picture, border, color) : picture;
  const { left, top } = centerBox(padded, { width, height });
  return crop(padded, left, top, width, height);
}

/** The mirror image, left and right exchanged. */
export function flipHorizontal({ data, width, height }: Picture): Picture {
  const flipped = new Uint8Array(data.length);
  for (let y = 0, from = 0; y < height; y++) {
    for (let to = ((y + 1) * width - 1) * 3; from < (y + 1) * width * 3; from += 3, to -= 3) {
      flipped[to] = data[from]!;
      flipped[to + 1] = data[from + 1]!;
      flipped[to + 2] = data[from + 2]!;
    }
  }
  return { data: flipped, width, height };
}

/** An RGB picture from one gray channel `[height, width]`. */
export function fromGray(gray: Uint8Array, width: number, height: number): Picture {
  const data = new Uint8Array(gray.length * 3);
  for (let i = 0; i < gray.length; i++) data.fill(gray[i]!, i * 3, i * 3 + 3);
  return { data, width, height };
}
