import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { expect } from 'vitest';

export interface Result {
  status: number;
  stdout: string;
  stderr: string;
}

export const bin = new URL('../bin/peft.js', import.meta.url).pathname;

/** The command line in a folder of its own. */
export class Scratch {
  readonly folder = mkdtempSync(join(tmpdir(), 'peft-cli-'));

  at(...parts: string[]): string {
    return join(this.folder, ...parts);
  }

  peft(...argv: string[]): Promise<Result> {
    return new Promise(resolve => {
      execFile(process.execPath, [bin, ...argv], { cwd: this.folder }, (error, stdout, stderr) =>
        resolve({ status: typeof error?.code === 'number' ? error.code : error ? 1 : 0, stdout, stderr }),
      );
    });
  }

  /** The answer as JSON of a call that must do without a word. */
  async json<T>(...argv: string[]): Promise<T> {
    const { status, stdout, stderr } = await this.peft(...argv, '--json', '--quiet');
    expect(stderr).toBe('');
    expect(status).toBe(0);
    return JSON.parse(stdout) as T;
  }

  /** Paints an image folder with a subfolder for each class: pictures that are bright on the side that the class is called after. Pictures of one
   * number are equal, `first` being that of the first. */
  async paint(name: string, count: number, classes: readonly Side[] = ['above', 'below'], first = 0): Promise<void> {
    for (const className of classes) {
      mkdirSync(this.at(name, className), { recursive: true });
      for (let i = 0; i < count; i++) await paintSide(this.at(name, className, `${i}.jpg`), className, first + i);
    }
  }
}

const sides = {
  above: (row: number) => row < 20,
  below: (row: number) => row >= 20,
  left: (_: number, column: number) => column < 16,
};

export type Side = keyof typeof sides;

/** Writes a picture, 32 wide and 40 high, of which one side is bright. */
export async function paintSide(path: string, side: Side, variation: number): Promise<void> {
  const [height, width] = [40, 32];
  const pixels = Uint8Array.from({ length: height * width * 3 }, (_, p) => {
    const [row, column] = [Math.floor(p / (width * 3)), Math.floor(p / 3) % width];
    return (sides[side](row, column) ? 160 : 40) + ((p * 7 + variation * 13) % 50);
  });
  await sharp(Buffer.from(pixels), { raw: { width, height, channels: 3 } })
    .jpeg()
    .toFile(path);
}
