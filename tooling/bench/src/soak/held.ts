import { readdir } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Engine } from '@peft/core';
import * as tf from '@tensorflow/tfjs-core';

/** What the process holds after so many trainings or steps, once garbage is collected. */
export interface Held {
  readonly after: number;
  readonly tensors: number;
  readonly tensorBytes: number;
  /** Steps that were compiled and not disposed of. */
  readonly steps: number;
  /** What keeps Node's event loop alive: timers, threads, files under way. */
  readonly handles: number;
  /** Open files and threads of the process; undefined where the system does not tell. */
  readonly files: number | undefined;
  readonly threads: number | undefined;
  /** Bytes: of the process in memory, of JavaScript's heap in this thread, of its buffers, and of the memory of wasm. */
  readonly resident: number;
  readonly heap: number;
  readonly buffers: number;
  readonly wasm: number | undefined;
}

const entriesOf = (folder: string): Promise<number | undefined> =>
  readdir(folder).then(
    names => names.length,
    () => undefined,
  );

/** Size of the wasm backend's memory, if that backend is in use. */
function wasmBytes(): number | undefined {
  if (tf.getBackend() !== 'wasm') return undefined;
  const { wasm } = tf.backend() as tf.KernelBackend & { wasm: { HEAPU8: Uint8Array } };
  return wasm.HEAPU8.byteLength;
}

/** Collects garbage until nothing is left that waits for a finalizer. Without `--expose-gc` it only waits. */
async function settle(): Promise<void> {
  for (let round = 0; round < 4; round++) {
    globalThis.gc?.();
    await sleep(25);
  }
}

/** Counts the compiled steps of engines that are not disposed of. */
export class StepCount {
  #live = 0;

  get live(): number {
    return this.#live;
  }

  /** Counts the steps of an engine from now on. */
  watch(engine: Engine): void {
    const compile = engine.compile.bind(engine);
    engine.compile = step => {
      const compiled = compile(step);
      const dispose = compiled.dispose.bind(compiled);
      let isLive = true;
      this.#live++;
      compiled.dispose = async () => {
        await dispose();
        if (isLive) this.#live--;
        isLive = false;
      };
      return compiled;
    };
  }
}

export async function held(after: number, steps: StepCount): Promise<Held> {
  await settle();
  const { rss, heapUsed, external } = process.memoryUsage();
  const { numTensors, numBytes } = tf.memory();
  return {
    after,
    tensors: numTensors,
    tensorBytes: numBytes,
    steps: steps.live,
    handles: process.getActiveResourcesInfo().length,
    files: await entriesOf('/proc/self/fd'),
    threads: await entriesOf('/proc/self/task'),
    resident: rss,
    heap: heapUsed,
    buffers: external,
    wasm: wasmBytes(),
  };
}
