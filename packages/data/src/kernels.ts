import { PeftError } from '@peft/core';
import { kernelModule } from '#kernels';

type Address = number;

/** The exports of `assembly/index.ts`. */
interface Kernels {
  readonly memory: WebAssembly.Memory;
  normalize(bytes: Address, table: Address, floats: Address, count: number): void;
  resampleColumns(
    from: Address,
    stride: number,
    to: Address,
    pitch: number,
    rows: number,
    first: Address,
    weights: Address,
    columns: number,
    pairs: number,
  ): void;
  resampleRow(from: Address, pitch: number, to: Address, count: number, weights: Address, pairs: number): void;
}

const pageBytes = 65_536;

/** More memory than this is given back by the next call that needs less. */
const keptBytes = 64e6;

function instantiate(): Kernels {
  try {
    const module = new WebAssembly.Module(Uint8Array.from(atob(kernelModule), c => c.charCodeAt(0)));
    return new WebAssembly.Instance(module).exports as unknown as Kernels;
  } catch (cause) {
    throw new PeftError(
      'not-supported',
      'Resizing pictures needs WebAssembly with SIMD, which is missing or forbidden here; use a newer runtime, or allow ' +
        "'wasm-unsafe-eval' in the page's policy.",
      { cause },
    );
  }
}

/** Those of this thread. */
let shared: Kernels | undefined;

/** The kernels with at least `bytes` of memory, of which the next call may take any part. */
export function kernelsWith(bytes: number): Kernels {
  if (shared && shared.memory.buffer.byteLength > Math.max(keptBytes, bytes)) shared = undefined;
  shared ??= instantiate();
  const missing = bytes - shared.memory.buffer.byteLength;
  if (missing > 0) shared.memory.grow(Math.ceil(missing / pageBytes));
  return shared;
}

/** Places for parts of so many bytes, each at a multiple of 16; the last is where they end. */
export function placesOf(...sizes: readonly number[]): Address[] {
  let end = 0;
  return [0, ...sizes.map(size => (end = Math.ceil((end + size) / 16) * 16))];
}
