import { check, PeftError } from '@peft/core';
import * as tf from '@tensorflow/tfjs-core';
import type { Kernel, Values } from '../kernels/kernel.ts';
import { kernelTable } from '../kernels/table.ts';
import type { Recorder } from './recorder.ts';
import { tensorOn } from './tfjs.ts';
import type { Value } from './value.ts';

type DataId = tf.DataId;

/** Host arrays up to this size become constants of the step; a larger one is likely data that changes. */
const maxHostArray = 64;

/** A loop is fastest: TensorFlow.js makes large arrays of zeros in every backward pass. */
function uniformOf(numbers: tf.TypedArray): number | undefined {
  const first = numbers[0];
  for (let i = 1; i < numbers.length; i++) if (numbers[i] !== first) return undefined;
  return first;
}

/** What a recording asks its caller for. */
export interface Session {
  readonly recorder: Recorder;
  /** The value of a tensor that was made outside the step. */
  capture(info: tf.TensorInfo): Value;
  /** Called when another variable, assigned or new, refers to a tensor. */
  referenced(): void;
}

/** A backend of TensorFlow.js whose kernels write an ONNX graph instead of computing. */
export class RecordingBackend extends tf.KernelBackend {
  static readonly backendName = 'peft-record';
  readonly #values = new Map<DataId, { value: Value; references: number }>();
  #session: Session | undefined;

  /** Records kernels into `session` until `end`. */
  begin(session: Session): void {
    this.#session = session;
  }

  end(): void {
    this.#session = undefined;
    this.#values.clear();
  }

  /** A new tensor that stands for `value`, with its number of references. */
  tensor(value: Value, references = 1): tf.Tensor {
    return tensorOn(this, this.#hold(value, references));
  }

  /** The value that a tensor stands for. */
  recorded(tensor: tf.TensorInfo): Value {
    return this.#values.get(tensor.dataId)?.value ?? this.#recording().capture(tensor);
  }

  record(
    kernel: Kernel<never, never>,
    inputs: tf.NamedTensorInfoMap,
    attributes: unknown,
  ): tf.TensorInfo | tf.TensorInfo[] {
    const values: Values = {};
    for (const [name, info] of Object.entries(inputs)) if (info) values[name] = this.recorded(info);
    const made = kernel(values as never, attributes as never, this.#recording().recorder);
    return Array.isArray(made) ? made.map(value => this.#hold(value)) : this.#hold(made);
  }

  override write(values: tf.BackendValues, shape: number[], dtype: tf.DataType): DataId {
    const { recorder } = this.#recording();
    check(
      dtype !== 'string' && dtype !== 'complex64',
      'not-supported',
      () => `A step that is recorded cannot make ${dtype} tensors; found one of shape [${shape}].`,
    );
    const numbers = values as tf.TypedArray;
    const uniform = uniformOf(numbers);
    check(
      uniform !== undefined || numbers.length <= maxHostArray,
      'not-supported',
      () =>
        `The step makes a tensor of shape [${shape}] from a host array. Recorded, it would be frozen into the step: ` +
        'make it before the step if it never changes, pass it as an input if it does, and take random numbers from the ' +
        'scope (currentRandom).',
    );
    const value =
      uniform === undefined ? recorder.constant(numbers, shape, dtype) : recorder.uniform(uniform, shape, dtype);
    return this.#hold(value).dataId;
  }

  override readSync(dataId: object): tf.BackendValues {
    const held = this.#values.get(dataId);
    const what = held ? `a [${held.value.shape}] ${held.value.dtype} tensor (${held.value.name})` : 'a tensor';
    throw new PeftError(
      'not-supported',
      `The step reads ${what} back to the host while it is being recorded, when nothing is computed yet. ` +
        'Return the tensor from the step, or choose with tf.where instead of if.',
    );
  }

  override async read(dataId: object): Promise<tf.BackendValues> {
    return this.readSync(dataId);
  }

  override disposeData(dataId: object, force = false): boolean {
    const held = this.#values.get(dataId);
    if (!held) return true;
    held.references--;
    if (held.references > 0 && !force) return false;
    return this.#values.delete(dataId);
  }

  override incRef(dataId: object): void {
    const held = this.#values.get(dataId);
    if (!held) return;
    held.references++;
    this.#session?.referenced();
  }

  override refCount(dataId: object): number {
    return this.#values.get(dataId)?.references ?? 0;
  }

  override numDataIds(): number {
    return this.#values.size;
  }

  override memory() {
    return { unreliable: false };
  }

  override floatPrecision(): 32 {
    return 32;
  }

  override epsilon(): number {
    return 1e-7;
  }

  override dispose(): void {}

  #hold(value: Value, references = 1): tf.TensorInfo {
    const dataId = {};
    this.#values.set(dataId, { value, references });
    return { dataId, shape: value.shape, dtype: value.dtype };
  }

  #recording(): Session {
    check(this.#session, 'state', () => `A tensor of a recorded step was used after the recording ended.`);
    return this.#session;
  }
}

/** The backend, registered on first use with the lowest priority. */
export function recordingBackend(): RecordingBackend {
  const { backendName } = RecordingBackend;
  const found = tf.findBackend(backendName);
  if (found instanceof RecordingBackend) return found;
  tf.registerBackend(backendName, () => new RecordingBackend(), 0);
  const backend = tf.findBackend(backendName) as RecordingBackend;
  for (const [kernelName, kernel] of Object.entries(kernelTable())) {
    const kernelFunc: tf.KernelFunc = ({ inputs, attrs }) => backend.record(kernel, inputs, attrs ?? {});
    tf.registerKernel({ kernelName, backendName, kernelFunc });
  }
  return backend;
}
