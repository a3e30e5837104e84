import { readFileSync } from 'node:fs';
import type { Preprocessing } from '@peft/core';
import type { Picture } from '../src/index.ts';

type Size = [width: number, height: number];

/** What `scripts/fixtures.py` writes; data is base64. */
interface Reference {
  resize: { from: Size; to: Size; interpolation: Preprocessing['interpolation']; data: string }[];
  evaluate: { from: Size; preprocessing: Preprocessing; values: string }[];
  boxes: { from: Size; draws: string; box: { left: number; top: number; width: number; height: number } }[];
  files: Record<string, { width: number; height: number; data: string }>;
}

export const fixture = (name: string): string => new URL(`./fixtures/${name}`, import.meta.url).pathname;

export const reference = (): Reference => JSON.parse(readFileSync(fixture('reference.json'), 'utf8'));

export const bytesOf = (base64: string): Uint8Array => Uint8Array.from(Buffer.from(base64, 'base64'));

export const floatsOf = (base64: string): Float32Array => new Float32Array(bytesOf(base64).buffer);

/** The picture of the same name in `scripts/fixtures.py`: noise on the left, steep ramps on the right. */
export function generated(width: number, height: number): Picture {
  const data = new Uint8Array(width * height * 3);
  let state = 1;
  for (let i = 0; i < data.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    data[i] = Math.floor(i / 3) % width < Math.floor(width / 2) ? state >>> 24 : (i * 5) % 256;
  }
  return { data, width, height };
}

/** The largest difference between two lists of equal length. */
export function maxDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) throw new Error(`lengths differ: ${a.length} and ${b.length}`);
  let most = 0;
  for (let i = 0; i < a.length; i++) most = Math.max(most, Math.abs(a[i] - b[i]));
  return most;
}
