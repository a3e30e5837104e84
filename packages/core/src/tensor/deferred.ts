import * as tf from '@tensorflow/tfjs-core';
import { check } from '../errors.ts';
import { variableOn } from './tfjs.ts';

/** A source of values: each call returns a new row-major array that the caller owns. */
export interface DeferredValues {
  read(): Promise<Float32Array>;
  readSync(): Float32Array;
  /** Reads the transpose of a matrix; present if that is how it is stored. */
  readTransposed?(): Promise<Float32Array>;
  /** Called when the variable no longer holds them; again if it was assigned them back in the meantime. */
  released?(): void;
}

interface Source {
  values: DeferredValues;
  references: number;
}

/** Holds tensors that were not read yet. TensorFlow.js moves one to the current backend for good when an op takes it. */
class DeferredBackend extends tf.KernelBackend {
  readonly #sources = new Map<tf.DataId, Source>();

  hold(values: DeferredValues): tf.DataId {
    const dataId = {};
    this.#sources.set(dataId, { values, references: 0 });
    return dataId;
  }

  find(dataId: tf.DataId): DeferredValues | undefined {
    return this.#sources.get(dataId)?.values;
  }

  override readSync(dataId: tf.DataId): Float32Array {
    return this.#held(dataId).readSync();
  }

  override async read(dataId: tf.DataId): Promise<Float32Array> {
    return this.#held(dataId).read();
  }

  #held(dataId: tf.DataId): DeferredValues {
    const values = this.find(dataId);
    check(values, 'state', () => 'A tensor whose values were never read is asked for after it was disposed of.');
    return values;
  }

  override incRef(dataId: tf.DataId): void {
    const source = this.#sources.get(dataId);
    if (source) source.references++;
  }

  override refCount(dataId: tf.DataId): number {
    return this.#sources.get(dataId)?.references ?? 0;
  }

  override disposeData(dataId: tf.DataId, force = false): boolean {
    const source = this.#sources.get(dataId);
    if (source && --source.references > 0 && !force) return false;
    this.#sources.delete(dataId);
    return true;
  }

  override numDataIds(): number {
    return this.#sources.size;
  }

  override dispose(): void {}
}

let shared: DeferredBackend | undefined;

/**
 * A variable whose values are read when first needed. An op moves them to the current backend; an engine or `data()` reads
 * them anew each time. So a model that runs in an engine alone is in memory once.
 */
export function deferredVariable(shape: readonly number[], values: DeferredValues): tf.Variable {
  shared ??= new DeferredBackend();
  return variableOn(shared, shared.hold(values), shape, values.released);
}

/** Whether the values were not read yet, so that reading them returns a new array. */
export const isDeferred = (dataId: tf.DataId): boolean => shared?.find(dataId) !== undefined;

/**
 * Counts one more tensor of values that were not read yet; false if they were. For a backend whose kernels share data: its own count
 * would read them.
 */
export function retainDeferred(dataId: tf.DataId): boolean {
  if (!isDeferred(dataId)) return false;
  shared?.incRef(dataId);
  return true;
}

/** Reads the transpose of a matrix into a new array, if it is stored so and was not read yet. */
export const transposedReader = (dataId: tf.DataId): (() => Promise<Float32Array>) | undefined =>
  shared?.find(dataId)?.readTransposed;
