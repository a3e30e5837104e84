import { check, fromFloat32 } from '@peft/core';
import { isDeferred, transposedReader } from '@peft/core/engine';
import { permute } from '@peft/core/method';
import * as tf from '@tensorflow/tfjs-core';
import type { ElementType } from '../onnx/graph.ts';
import { type Binding, type Form, type Storage, storageOfForm } from '../record/record.ts';
import { bySource, currentData, ownerOf, type Source } from '../record/source.ts';
import { isHeld, readData } from '../record/tfjs.ts';
import { int8Arrays } from './int8-arrays.ts';
import type { HostArray, Runner } from './runner.ts';

/** The engine's copy of a variable, or of a tensor made outside the step: one array of it. */
export interface Slot {
  readonly id: number;
  readonly source: Source;
  readonly form: Form;
  readonly type: ElementType;
  readonly shape: readonly number[];
  /** The data of TensorFlow.js that the copy equals; `undefined` if it must be read first. */
  dataId: tf.DataId | undefined;
  /** Whether a step has changed the copy since. */
  changed: boolean;
}

/** Node reads files in four threads. */
const readTogether = 8;

/** The engine's copies of variables: read once, changed by steps, copied back on demand. */
export class Store {
  readonly #runner: Runner;
  readonly #slots = new Map<tf.Variable | tf.DataId, Map<Form, Slot>>();
  #made = 0;

  constructor(runner: Runner) {
    this.#runner = runner;
  }

  /** The slot of a binding's source, made on first use. */
  slot({ source, form, type, shape }: Omit<Binding, 'input' | 'output'>): Slot {
    const owner = ownerOf(source);
    const slots = this.#slots.get(owner) ?? new Map<Form, Slot>();
    this.#slots.set(owner, slots);
    const found = slots.get(form);
    if (found) return found;
    const slot = { id: this.#made++, source, form, type, shape, dataId: undefined, changed: false };
    slots.set(form, slot);
    return slot;
  }

  /** How the copy of a variable is stored, if there is one. */
  storageOf(variable: tf.Variable): Storage | undefined {
    const [form] = this.#slots.get(variable)?.keys() ?? [];
    return form && storageOfForm(form);
  }

  /** Frees the copy of a variable. */
  async forget(variable: tf.Variable): Promise<void> {
    const slots = this.#slots.get(variable);
    this.#slots.delete(variable);
    if (slots) await this.#runner.drop([...slots.values()].map(({ id }) => id));
  }

  /** Reads the slots again whose variable was assigned since. The runner takes some while the next are read. */
  async refresh(slots: readonly Slot[]): Promise<void> {
    for (const { source } of slots) checkAlive(source);
    const stale = [...new Set(slots)].filter(({ dataId, source }) => dataId !== currentData(source));
    const sources = bySource(stale);
    const sent: Promise<void>[] = [];
    for (let i = 0; i < sources.length; i += readTogether) {
      const values = (await Promise.all(sources.slice(i, i + readTogether).map(readSlots))).flat();
      const taken = this.#take(values);
      taken.catch(() => {}); // thrown at the end
      sent.push(taken);
    }
    await Promise.all(sent);
  }

  /** Gives values to the runner. Until it has them, the slots count as unread. */
  async #take(values: readonly ReadValue[]): Promise<void> {
    await this.#runner.put(values.map(({ slot: { id, type, shape }, data }) => ({ slot: id, type, shape, data })));
    for (const { slot, dataId } of values) Object.assign(slot, { dataId, changed: false });
  }

  /** Copies the values that steps changed back into the variables, except those that were assigned since. */
  async sync(): Promise<void> {
    const changed = [...this.#slots.values()].flatMap(slots => [...slots.values()]).filter(({ changed }) => changed);
    for (const slot of changed) {
      const { source, shape, type, dataId } = slot;
      if (source.kind !== 'variable' || source.variable.isDisposed || source.variable.dataId !== dataId) continue;
      const [data] = await this.#runner.get([slot.id]);
      check(data, 'state', () => `The engine has no values of the variable "${source.variable.name}".`);
      tf.tidy(() => source.variable.assign(tf.tensor(data, [...shape], type as 'float32' | 'int32' | 'bool')));
      Object.assign(slot, { dataId: source.variable.dataId, changed: false });
    }
  }

  /** Frees the copies of variables that TensorFlow.js has disposed of. */
  async sweep(): Promise<void> {
    const dead = [...this.#slots].flatMap(([owner, slots]) =>
      [...slots.values()].flatMap(({ id, source }) => (isAlive(source) ? [] : [{ owner, id }])),
    );
    for (const { owner } of dead) this.#slots.delete(owner);
    await this.#runner.drop(dead.map(({ id }) => id));
  }
}

const isAlive = (source: Source): boolean =>
  source.kind === 'variable' ? !source.variable.isDisposed : isHeld(source.dataId);

function checkAlive(source: Source): void {
  check(isAlive(source), 'state', () => {
    const what = source.kind === 'variable' ? `the variable "${source.variable.name}"` : 'a tensor made outside it';
    return `The step uses ${what}, which was disposed of. Call invalidate() when a step changes.`;
  });
}

/** The values of a slot's source. */
interface ReadValue {
  readonly slot: Slot;
  readonly dataId: tf.DataId;
  readonly data: HostArray;
}

/** Reads slots of one source. */
async function readSlots(slots: readonly Slot[]): Promise<ReadValue[]> {
  const dataId = currentData(slots[0]!.source);
  const isInt8 = slots.some(({ form }) => storageOfForm(form) === 'int8');
  const arrays = isInt8 ? await int8Arrays(dataId) : undefined;
  if (!arrays) return Promise.all(slots.map(slot => readSlot(slot, dataId)));
  return slots.map(slot => ({ slot, dataId, data: arrays[slot.form]!() }));
}

async function readSlot(slot: Slot, dataId: tf.DataId): Promise<ReadValue> {
  const { source, form } = slot;
  const data = await read(dataId, slot);
  check(form !== 'half' || isFinite16(data), 'numerics', () => {
    const name = source.kind === 'variable' ? source.variable.name : 'a tensor';
    return `"${name}" has values beyond 65504, the largest of half precision; keep frozen weights in f32.`;
  });
  return { slot, dataId, data };
}

/** Whether all of these half-precision numbers are finite: infinities and NaN have every bit of the exponent set. */
function isFinite16(halves: HostArray): boolean {
  for (let i = 0; i < halves.length; i++) if ((halves[i]! & 0x7c00) === 0x7c00) return false;
  return true;
}

/** The values in the type of the slot, in a new array. */
async function read(dataId: tf.DataId, { form, type, shape }: Slot): Promise<HostArray> {
  const stored = form === 'transposed' && transposedReader(dataId);
  if (stored) return (await stored()) as HostArray;
  const isOwn = isDeferred(dataId) && type === 'float32';
  const values = await readData(dataId);
  if (form === 'transposed') return permute(values as Float32Array, shape.toReversed(), [1, 0]) as HostArray;
  return isOwn ? (values as HostArray) : copyOf(values, type);
}

/** A copy: some backends return their own array, and the runner keeps what it is given. */
function copyOf(values: tf.BackendValues, type: ElementType): HostArray {
  const numbers = values as tf.TypedArray;
  if (type === 'float32') return new Float32Array(numbers);
  if (type === 'float16') return halves(numbers as Float32Array);
  return type === 'int32' ? new Int32Array(numbers) : new Uint8Array(numbers);
}

function halves(numbers: Float32Array): HostArray {
  const { bytes } = fromFloat32(numbers, [numbers.length], 'F16');
  return new Uint16Array(bytes.buffer as ArrayBuffer, bytes.byteOffset, numbers.length);
}
