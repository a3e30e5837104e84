import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createBackbone, exportBackbone } from '@peft/backbones';
import { startBackend } from '@peft/backends';
import { exportOnnx } from '@peft/compile';
import { disposeModule, initialize, key, serializeSafetensors } from '@peft/core';
import { writeAtomic } from '@peft/core/node';
import { evaluationStep } from '@peft/train';
import { writePictures } from './picture-files.ts';

/** Models with random weights as files, each written once, in a temporary folder. */
export class ModelFiles {
  readonly #folder: string;
  readonly #written = new Map<string, Promise<string>>();

  private constructor(folder: string) {
    this.#folder = folder;
  }

  static async open(): Promise<ModelFiles> {
    await startBackend('cpu');
    return new ModelFiles(await mkdtemp(join(tmpdir(), 'peft-bench-')));
  }

  /** The path of a backbone's weights, with timm's names. */
  weights(backbone: string): Promise<string> {
    return this.#once(`${backbone}.safetensors`, async () => {
      const model = initialize(createBackbone(backbone), key(0));
      try {
        return serializeSafetensors(await exportBackbone(model, 'timm'));
      } finally {
        disposeModule(model);
      }
    });
  }

  /** The path of the bare backbone, with the same weights, as ONNX. */
  exported(backbone: string): Promise<string> {
    return this.#once(`${backbone}.onnx`, async () => {
      const model = initialize(createBackbone(backbone), key(0));
      try {
        return await exportOnnx(evaluationStep(model), {
          inputs: { images: { shape: [null, ...model.imageSize, 3] } },
        });
      } finally {
        disposeModule(model);
      }
    });
  }

  /** The folder of that many JPEG files of 1024 x 768, in ten classes. */
  pictures(count: number): Promise<string> {
    const folder = join(this.#folder, `pictures-${count}`);
    const writing = this.#written.get(folder) ?? writePictures(folder, count).then(() => folder);
    this.#written.set(folder, writing);
    return writing;
  }

  async remove(): Promise<void> {
    await rm(this.#folder, { recursive: true });
  }

  #once(name: string, make: () => Promise<Uint8Array>): Promise<string> {
    const path = join(this.#folder, name);
    const writing = this.#written.get(name) ?? make().then(bytes => writeAtomic(path, bytes).then(() => path));
    this.#written.set(name, writing);
    return writing;
  }
}
