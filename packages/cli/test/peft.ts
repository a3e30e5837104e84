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

  /** Paints an image folder of two classes: bright above, bright below. */
  async paint(name: string, count: number): Promise<void> {
    for (const [label, className] of ['above', 'below'].entries()) {
      mkdirSync(this.at(name, className), { recursive: true });
      for (let i = 0; i < count; i++) {
        const pixels = Buffer.from(
          Uint8Array.from({ length: 40 * 32 * 3 }, (_, p) => {
            const bright = Math.floor(p / (32 * 3)) < 20 === (label === 0);
            return (bright ? 160 : 40) + ((p * 7 + i * 13) % 50);
          }),
        );
        await sharp(pixels, { raw: { width: 32, height: 40, channels: 3 } })
          .jpeg()
          .toFile(this.at(name, className, `${i}.jpg`));
      }
    }
  }
}
