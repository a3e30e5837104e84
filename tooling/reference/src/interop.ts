import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { openBackbone } from '@peft/backbones/node';
import { type AdaptedModel, adapt, type Engine, eagerEngine, parseSafetensors, toFloat32, toInt32 } from '@peft/core';
import { permute } from '@peft/core/method';
import { Trainer } from '@peft/train';
import * as tf from '@tensorflow/tfjs-core';
import { runPython } from './python.ts';

const read = (path: string) => parseSafetensors(readFileSync(path), path).tensors;

/** The largest difference of two lists of equal length. */
export function difference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) throw new Error(`${a.length} values are compared with ${b.length}.`);
  return Array.from(a, (value, i) => Math.abs(value - b[i])).reduce((worst, value) => Math.max(worst, value), 0);
}

/**
 * One run of a script `scripts/*_interop.py`: the folder in which Python and TypeScript lay their results for each other,
 * as `vit/case/..` and `swin/case/..`.
 */
export class Interop {
  readonly folder = mkdtempSync(join(tmpdir(), 'peft-interop-'));
  readonly #script: string;
  readonly #images: Float32Array;
  readonly #labels: Int32Array;

  /** Lets Python make the models, the pictures, and what it has to show of each case. */
  constructor(script: string) {
    this.#script = script;
    runPython(script, 'make', this.folder);
    const data = read(join(this.folder, 'data.safetensors'));
    this.#images = permute(toFloat32(data.get('images')!), [6, 3, 16, 16], [0, 2, 3, 1]);
    this.#labels = toInt32(data.get('labels')!);
  }

  /** The frozen model of a case, as Python made it. */
  async open(name: string): Promise<AdaptedModel> {
    return adapt((await openBackbone(join(this.folder, dirname(name), 'base'))).model);
  }

  async logits(model: AdaptedModel): Promise<Float32Array> {
    const y = tf.tidy(() => model.call(tf.tensor(this.#images, [6, 16, 16, 3])));
    return Float32Array.from(await y.data());
  }

  /** The losses of twelve steps on the one batch that Python trains on. */
  async trainTwelve(model: AdaptedModel, engine: Engine = eagerEngine()): Promise<number[]> {
    const images = { data: this.#images, shape: [6, 16, 16, 3] };
    const batch = { images, labels: { data: this.#labels, shape: [6] } };
    const source = {
      length: 12,
      size: [16, 16] as const,
      async *batches() {
        for (let i = 0; i < 12; i++) yield batch;
      },
    };
    const optimizer = { lr: 1e-2, weightDecay: 1e-2 };
    const trainer = new Trainer({ model, engine, source, optimizer, steps: 12 });
    const losses: number[] = [];
    for await (const event of trainer.run()) if (event.type === 'step') losses.push(event.loss);
    await trainer.dispose();
    return losses;
  }

  /** Python's results of a case: `logits`, the `losses` of twelve steps, and the logits after them, `trained`. */
  theirs(name: string): Record<'logits' | 'losses' | 'trained', Float32Array> {
    const results = read(join(this.folder, name, 'results.safetensors'));
    const [logits, losses, trained] = ['logits', 'losses', 'trained'].map(key => toFloat32(results.get(key)!));
    return { logits, losses, trained };
  }

  /** Lets Python load the folders that match; it fails on any warning. */
  check(pattern = '*/*/ours*'): void {
    runPython(this.#script, 'check', this.folder, pattern);
  }

  /** Python's results of a folder that it loaded: its `logits`, and those `merged` if peft can merge it. */
  checked(path: string): { logits: Float32Array; merged: Float32Array | undefined } {
    const results = read(join(this.folder, `${path}.checked.safetensors`));
    const merged = results.get('merged');
    return { logits: toFloat32(results.get('logits')!), merged: merged && toFloat32(merged) };
  }

  dispose(): void {
    rmSync(this.folder, { recursive: true });
  }
}
