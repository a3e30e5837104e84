import { PeftError } from '../errors.ts';
import { toFloat32 } from './dtype.ts';
import type { StoredTensor } from './safetensors.ts';

/** Plain data that JSON can hold. */
export type Json = string | number | boolean | null | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };

/** An adapter as Hugging Face peft stores it. */
export interface PeftAdapterFile {
  /** The fields of `adapter_config.json`, in snake_case. */
  readonly config: JsonObject;
  /** Tensors by key without peft's prefix: `blocks.0.attn.qkv.lora_A.weight`. */
  readonly tensors: ReadonlyMap<string, StoredTensor>;
}

/** What peft puts before every key. */
export const peftPrefix = 'base_model.model.';

/** Hands out a file's tensors and keeps account, so that all that is wrong is said at once. */
export class TensorReader {
  readonly #tensors: ReadonlyMap<string, StoredTensor>;
  readonly #taken = new Set<string>();
  readonly #problems = new Set<string>();

  constructor(tensors: ReadonlyMap<string, StoredTensor>) {
    this.#tensors = tensors;
  }

  has(key: string): boolean {
    return this.#tensors.has(key);
  }

  /** A tensor's values in the file's order; zeros, and a note, where it is missing or of another shape. */
  take(key: string, shape: readonly number[]): Float32Array {
    this.#taken.add(key);
    const tensor = this.#tensors.get(key);
    if (tensor && String(tensor.shape) === String(shape)) return toFloat32(tensor);
    this.#problems.add(tensor ? `${key} is [${tensor.shape}], should be [${shape}]` : `${key} is missing`);
    return new Float32Array(shape.reduce((product, size) => product * size, 1));
  }

  /** Leaves a tensor aside, if it is there. */
  ignore(key: string): void {
    this.#taken.add(key);
  }

  /** Notes something wrong with a tensor. */
  report(problem: string): void {
    this.#problems.add(problem);
  }

  /** Throws if anything was missing, misshapen or left over. */
  finish(source: string): void {
    const left = [...this.#tensors.keys()].filter(key => !this.#taken.has(key)).map(key => `${key} is unexpected`);
    const problems = [...this.#problems, ...left];
    if (problems.length === 0) return;
    const shown = problems.slice(0, 12).join('\n  ');
    const more = problems.length > 12 ? `\n  and ${problems.length - 12} more` : '';
    throw new PeftError(
      'bad-file',
      `${source} does not fit this model:\n  ${shown}${more}\nCheck that the adapter was trained on this backbone.`,
    );
  }
}
