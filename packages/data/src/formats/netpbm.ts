import { checkPixels } from '../limits.ts';
import { fromGray, type Picture, roundHalfEven } from '../picture.ts';
import { undecodable } from '../refused.ts';

const isSpace = (byte: number): boolean => byte === 0x20 || (byte >= 0x09 && byte <= 0x0d);

/** Reads numbers from text that may hold comments, from `#` to the end of the line. */
class Numbers {
  readonly #bytes: Uint8Array;
  at = 2;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  #skip(): void {
    const bytes = this.#bytes;
    for (; isSpace(bytes[this.at] ?? 0) || bytes[this.at] === 0x23; this.at++) {
      if (bytes[this.at] === 0x23) while (this.at < bytes.length && bytes[this.at] !== 0x0a) this.at++;
    }
  }

  /** @param digits the most that are taken; P1 has pixels of one digit with no space between. */
  next(digits = 9): number {
    this.#skip();
    let value = 0;
    let count = 0;
    for (; count < digits; count++, this.at++) {
      const digit = (this.#bytes[this.at] ?? 0) - 0x30;
      if (!(digit >= 0 && digit <= 9)) break;
      value = value * 10 + digit;
    }
    if (count === 0) throw undecodable(this.at < this.#bytes.length ? 'a number is malformed' : 'its data ends early');
    return value;
  }
}

/** Bits packed eight to a byte, each row from a new byte, as 0 and 1. */
function unpackBits(bytes: Uint8Array, at: number, width: number, height: number): (index: number) => number {
  const stride = Math.ceil(width / 8);
  if (bytes.length - at < stride * height) throw undecodable('its data ends early');
  return index => {
    const column = index % width;
    return (bytes[at + Math.floor(index / width) * stride + (column >> 3)]! >> (7 - (column & 7))) & 1;
  };
}

/**
 * Decodes PBM, PGM and PPM, as text and as bytes (the Netpbm formats `P1` to `P6`), as Pillow does: values are scaled
 * from their maximum to 255 and rounded.
 */
export function decodeNetpbm(bytes: Uint8Array, maxPixels: number): Picture {
  const kind = (bytes[1] ?? 0) - 0x30; // 1 to 6
  const isBits = kind === 1 || kind === 4;
  const channels = kind === 3 || kind === 6 ? 3 : 1;
  const numbers = new Numbers(bytes);
  const [width, height] = [numbers.next(), numbers.next()];
  checkPixels(width, height, maxPixels);
  const most = isBits ? 1 : numbers.next();
  if (most < 1 || most > 65535) throw undecodable(`its maximum is ${most}; allowed are 1 to 65535`);
  const at = numbers.at + 1; // one white space stands before the data
  const count = width * height * channels;
  const size = most > 255 ? 2 : 1;
  if (kind >= 5 && bytes.length - at < count * size) throw undecodable('its data ends early');
  if (kind <= 3 && bytes.length - at + 1 < count) throw undecodable('its data ends early');
  const bits = kind === 4 ? unpackBits(bytes, at, width, height) : undefined;
  const value = (index: number): number => {
    if (bits) return bits(index);
    if (kind <= 3) return numbers.next(isBits ? 1 : 9);
    return size === 1 ? bytes[at + index]! : bytes[at + index * 2]! * 256 + bytes[at + index * 2 + 1]!;
  };
  const data = new Uint8Array(count);
  for (let i = 0; i < count; i++) {
    const read = value(i);
    if (read > most) throw undecodable(`it has a value of ${read}, above its maximum of ${most}`);
    data[i] = isBits ? 255 * (1 - read) : most === 255 ? read : roundHalfEven((read / most) * 255);
  }
  return channels === 3 ? { data, width, height } : fromGray(data, width, height);
}
