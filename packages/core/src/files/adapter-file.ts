import { PeftError } from '../errors.ts';
import { nonFinite } from '../finite.ts';
import { isReadable, toFloat32 } from './dtype.ts';
import type { JsonObject } from './json.ts';
import type { StoredTensor } from './stored-tensor.ts';

/** An adapter as Hugging Face peft stores it. */
export interface PeftAdapterFile {
  /** The fields of `adapter_config.json`, in snake_case. */
  readonly config: JsonObject;
  /** Tensors by key without peft's prefix: `blocks.0.attn.qkv.lora_A.weight`. */
  readonly tensors: ReadonlyMap<string, StoredTensor>;
}

/** The prefix of every key in peft's files. */
export const peftPrefix = 'base_model.model.';

/** The most numbers of a missing tensor that zeros replace while looking for more problems. */
const mostZeros = 2 ** 24;

function problemOf({ dtype, shape: found }: StoredTensor, shape: readonly number[]): string | undefined {
  if (String(found) !== String(shape)) return `is [${found}], should be [${shape}]`;
  return isReadable(dtype) ? undefined : `is of type ${dtype}, which cannot be read`;
}

/** Reads a file's tensors and collects problems, so that one error reports them all. */
export class TensorReader {
  readonly #tensors: ReadonlyMap<string, StoredTensor>;
  readonly #taken = new Set<string>();
  readonly #problems = new Set<string>();
  readonly #source: string;
  #zeros = 0;

  /** @param source the file's name, for errors */
  constructor(tensors: ReadonlyMap<string, StoredTensor>, source: string) {
    this.#tensors = tensors;
    this.#source = source;
  }

  has(key: string): boolean {
    return this.#tensors.has(key);
  }

  /**
   * A tensor's values in the file's order. If it is missing, of another shape or not finite: zeros, and a problem is recorded.
   *
   * @throws PeftError `bad-file` at once where what is missing is large
   */
  take(key: string, shape: readonly number[]): Float32Array {
    this.#taken.add(key);
    const tensor = this.#tensors.get(key);
    const problem = tensor ? problemOf(tensor, shape) : 'is missing';
    const values = tensor && !problem ? toFloat32(tensor) : undefined;
    if (values && nonFinite(values) === undefined) return values;
    this.#problems.add(`${key} ${problem ?? 'has values that are not finite: its training diverged'}`);
    const size = shape.reduce((product, length) => product * length, 1);
    this.#zeros += size;
    if (this.#zeros > mostZeros) this.finish();
    return new Float32Array(size);
  }

  /** Accepts a tensor without reading it. */
  ignore(key: string): void {
    this.#taken.add(key);
  }

  /** Records a problem with a tensor. */
  report(problem: string): void {
    this.#problems.add(problem);
  }

  /** Throws if anything was missing, misshapen or left over. */
  finish(): void {
    const left = [...this.#tensors.keys()].filter(key => !this.#taken.has(key)).map(key => `${key} is unexpected`);
    const problems = [...this.#problems, ...left];
    if (problems.length === 0) return;
    const shown = problems.slice(0, 12).join('\n  ');
    const more = problems.length > 12 ? `\n  and ${problems.length - 12} more` : '';
    throw new PeftError(
      'bad-file',
      `${this.#source} does not fit this model:\n  ${shown}${more}\nCheck that the adapter was trained on this backbone.`,
    );
  }
}
