import { check } from '@peft/core';
import type { QuantizedWeight } from '@peft/core/engine';
import { dotOffsetOf, type KernelExports } from './module.ts';

/** The memory that the weights are in. */
interface Memory {
  allocate(bytes: number): number;
  free(address: number): void;
  /** All of it, until it next grows. */
  bytes(): Uint8Array;
}

/** Addresses of a weight `W = Q s`, and of what is made of it. */
export interface PackedWeight {
  /** s, `[out]` */
  readonly scales: number;
  /** Q `[in, out]`, packed. */
  readonly forward: number;
  /** Q^T `[out, in]`, packed. */
  readonly backward: number;
}

/** Strips of as many rows and columns fit into the scratch space, and sums of as many products of -127 to 127 into 32 bits. */
const mostInner = 2 ** 15;

/**
 * Weights in 8 bits in the memory of a backend, as products take them: each packed when it is first asked for, once for each
 * orientation, and freed when no variable holds it any more.
 */
export class PackedWeights {
  readonly #kernels: KernelExports;
  readonly #memory: Memory;
  readonly #packed = new Map<QuantizedWeight, { packed: PackedWeight; free(): void }>();
  /** With which they are packed: see {@link dotOffsetOf}. */
  readonly offset: number;

  constructor(kernels: KernelExports, memory: Memory) {
    this.#kernels = kernels;
    this.#memory = memory;
    this.offset = dotOffsetOf(kernels);
  }

  /** @param shape of the weight, `[in, out]` */
  of(weight: QuantizedWeight, shape: readonly [number, number]): PackedWeight {
    const found = this.#packed.get(weight);
    if (found) return found.packed;
    const made = this.#pack(weight, shape);
    this.#packed.set(weight, made);
    weight.onRelease(() => this.#drop(weight));
    return made.packed;
  }

  clear(): void {
    for (const weight of [...this.#packed.keys()]) this.#drop(weight);
  }

  #drop(weight: QuantizedWeight): void {
    this.#packed.get(weight)?.free();
    this.#packed.delete(weight);
  }

  #pack(weight: QuantizedWeight, [inner, outer]: readonly [number, number]): { packed: PackedWeight; free(): void } {
    check(Math.max(inner, outer) <= mostInner, 'not-supported', () => {
      return `The fast wasm kernels multiply with 8 bits up to ${mostInner} inputs or outputs; this weight is [${[inner, outer]}].`;
    });
    const [kernels, memory, offset] = [this.#kernels, this.#memory, this.offset];
    const owned: number[] = [];
    const own = (bytes: number): number => {
      const address = memory.allocate(bytes);
      owned.push(address);
      return address;
    };
    const { values, scales } = weight.readSync();
    const packed = own(kernels.packedBytes(inner, outer));
    const raw = memory.allocate(values.length);
    memory.bytes().set(new Uint8Array(values.buffer, values.byteOffset, values.length), raw);
    kernels.packWeight(raw, inner, outer, offset, packed);
    memory.free(raw);
    const scalesAt = own(scales.byteLength);
    memory.bytes().set(new Uint8Array(scales.buffer, scales.byteOffset, scales.byteLength), scalesAt);
    let turned: number | undefined;
    return {
      packed: {
        scales: scalesAt,
        forward: packed,
        get backward() {
          if (turned === undefined) {
            turned = own(kernels.packedBytes(outer, inner));
            kernels.turnPacked(packed, inner, outer, offset, turned);
          }
          return turned;
        },
      },
      free: () => owned.splice(0).forEach(memory.free),
    };
  }
}
