import * as tf from '@tensorflow/tfjs-core';
import { check } from '../errors.ts';
import { type QuantizedMatrix, quantizeMatrix } from '../quantized/matrix.ts';
import { type QuantizedSource, quantizedVariable, quantizedWeight } from '../quantized/quantized.ts';
import { deferredVariable, isDeferred } from '../tensor/deferred.ts';
import type { Key } from '../tensor/random.ts';
import { markClass } from './copies.ts';
import type { Initializer } from './init.ts';
import { type FileLayout, fromFileOrder, isTransposed, plainLayout, toFileOrder } from './layout.ts';
import { narrow, narrowLayout, narrowShape, widen, widenTensor } from './nonzero.ts';

const owners = new WeakMap<tf.Variable, Parameter>();

/** Whether a variable belongs to a parameter that is not trained. */
export const isFrozen = (variable: tf.Variable): boolean => owners.get(variable)?.trainable === false;

/** The values of a tensor in a file; do not write to them. */
export interface FileValues {
  read(): Promise<Float32Array>;
  readSync(): Float32Array;
  /** Whether each call returns a new array. */
  isNew: boolean;
  /** The 8 bits of a weight that the file keeps so. */
  quantized?: QuantizedSource;
}

export interface ParameterOptions {
  /** How files store it; as it is, unless given. */
  layout?: FileLayout;
  /** Whether it is never trained. */
  fixed?: boolean;
  /** The entries of the last axis that may differ from zero, if not all: only these are held, trained and stored. */
  nonzero?: readonly boolean[];
}

/**
 * A named tensor of a module. It has a shape from the start, and values once it is initialized or loaded: describing a model
 * of any size takes no memory.
 */
export class Parameter {
  static {
    markClass(Parameter);
  }

  readonly shape: readonly number[];
  /** The shape with the entries that are always zero: see {@link ParameterOptions.nonzero}. */
  readonly wholeShape: readonly number[];
  readonly init: Initializer;
  /** How files store it: see {@link FileLayout}. */
  readonly layout: FileLayout;
  /** Never trained, whatever `setTrainable` selects. */
  readonly fixed: boolean;
  /** Whether training changes it. */
  trainable: boolean;
  /**
   * Whether it replaces a pretrained parameter and has no values from a file, such as the head for a new task. Only the
   * adapter that trains it can save its values. False once it is loaded from a file.
   */
  fresh = false;
  /** A parameter of the same shape that is used in place of this one: an adapter's own copy of a head. */
  redirect: Parameter | undefined;
  readonly #nonzero: readonly boolean[] | undefined;
  #variable: tf.Variable | undefined;
  /** The values of the file that the variable was deferred from. */
  #stored: Pick<FileValues, 'read' | 'readSync'> | undefined;
  #isAdopted = false;

  constructor(
    shape: readonly number[],
    init: Initializer,
    { layout = plainLayout(shape), fixed = false, nonzero }: ParameterOptions = {},
  ) {
    this.wholeShape = shape;
    this.#nonzero = nonzero;
    this.shape = nonzero ? narrowShape(shape, nonzero) : shape;
    this.init = nonzero ? from => narrow(init(from, tf.util.sizeFromShape([...shape])), nonzero) : init;
    this.layout = nonzero ? narrowLayout(layout, nonzero) : layout;
    this.fixed = fixed;
    this.trainable = !fixed;
  }

  get size(): number {
    return tf.util.sizeFromShape([...this.shape]);
  }

  get isMaterialized(): boolean {
    return this.#variable !== undefined;
  }

  /** The variable in use: its own, or that of `redirect`. Do not dispose of it. */
  get value(): tf.Variable {
    return this.redirect ? this.redirect.value : this.ownValue;
  }

  /** Its own variable, whatever `redirect` is. */
  get ownValue(): tf.Variable {
    check(
      this.#variable,
      'state',
      () =>
        `A parameter of shape [${this.shape}] has no values yet; call initialize(model, key) or load weights first.`,
    );
    return this.#variable;
  }

  /** Initializes it, with random numbers from `from`. */
  initialize(from: Key): void {
    this.set(this.init(from, this.size));
  }

  /** Copies `values`, in memory order, into the variable. */
  set(values: Float32Array): void {
    check(values.length === this.size, 'bad-shape', () => `${values.length} values do not fit shape [${this.shape}].`);
    const tensor = tf.tensor(values.slice(), [...this.shape], 'float32'); // backends may keep the array itself
    if (this.#variable) {
      this.#variable.assign(tensor);
      tensor.dispose();
    } else {
      this.#own(tf.variable(tensor, false));
      tensor.dispose();
    }
  }

  /**
   * Shares a variable that belongs to another object, such as a `tf.LayersModel`. Disposing of the parameter does not dispose
   * of the variable.
   */
  adopt(variable: tf.Variable): void {
    const fits = String(variable.shape) === String(this.shape) && variable.dtype === 'float32';
    check(
      fits,
      'bad-shape',
      () => `A ${variable.dtype} variable of shape [${variable.shape}] cannot stand for float32 [${this.shape}].`,
    );
    this.dispose();
    this.#own(variable);
    this.#isAdopted = true;
  }

  /** A copy of the values in use, in memory order. */
  async get(): Promise<Float32Array> {
    return Float32Array.from(await this.value.data());
  }

  /** All of it, of {@link wholeShape}: with zeros for what is not held. Call it in a tidy. */
  get whole(): tf.Tensor {
    return this.#nonzero ? widenTensor(this.value, this.#nonzero) : this.value;
  }

  /** A copy of all its values, with zeros for what is not held. */
  async getWhole(): Promise<Float32Array> {
    const values = await this.get();
    return this.#nonzero ? widen(values, this.#nonzero) : values;
  }

  /** Takes those of the values of the whole that it holds. */
  setWhole(values: Float32Array): void {
    this.set(this.#nonzero ? narrow(values, this.#nonzero) : values);
  }

  /** Sets values given in the order of {@link layout}. */
  setFromFile(values: Float32Array): void {
    this.set(fromFileOrder(values, this.layout));
    this.fresh = false;
  }

  /**
   * Sets values given in the order of {@link layout}. If it has none yet, they are read when first needed, perhaps more than
   * once.
   */
  deferFromFile({ read, readSync, isNew, quantized }: FileValues): void {
    if (this.#variable) {
      this.setFromFile(readSync());
      return;
    }
    this.fresh = false;
    if (quantized && this.isQuantizable) {
      this.#own(quantizedVariable(this.#matrixShape(), quantized));
      return;
    }
    const asStored = (stored: Float32Array): Float32Array => (isNew ? stored : stored.slice());
    const inMemoryOrder = (stored: Float32Array): Float32Array => {
      const values = fromFileOrder(stored, this.layout);
      return values === stored ? asStored(stored) : values;
    };
    this.#stored = { read, readSync };
    const variable = deferredVariable(this.shape, {
      read: async () => inMemoryOrder(await read()),
      readSync: () => inMemoryOrder(readSync()),
      ...(isTransposed(this.layout) && { readTransposed: async () => asStored(await read()) }),
    });
    this.#own(variable);
  }

  /** Whether it is the weight of a linear map, which can be kept in 8 bits. */
  get isQuantizable(): boolean {
    return this.shape.length === 2 && isTransposed(this.layout) && !this.#isAdopted;
  }

  /** Whether it is kept in 8 bits. Setting it ends that. */
  get isQuantized(): boolean {
    return this.#variable !== undefined && quantizedWeight(this.#variable.dataId) !== undefined;
  }

  /**
   * Keeps the weight of a linear map in 8 bits from now on: products with it multiply integers, and whatever asks for its numbers gets
   * those that the 8 bits stand for. Do it before anything refers to its variable.
   *
   * @param round rounds the numbers that it has, `[out, in]`; by default to 8 bits with a scale for each output
   * @throws PeftError `not-supported` if it is not such a weight
   */
  quantize(round: (values: Float32Array, outFeatures: number) => QuantizedMatrix = quantizeMatrix): void {
    check(this.isQuantizable, 'not-supported', () => {
      return `A parameter of shape [${this.shape}] is not the weight of a linear map; only those are kept in 8 bits.`;
    });
    const before = this.ownValue;
    const shape = this.#matrixShape();
    const stored = isDeferred(before.dataId) ? this.#stored : undefined;
    const [, outFeatures] = shape;
    if (stored) {
      const source = {
        read: async () => round(await stored.read(), outFeatures),
        readSync: () => round(stored.readSync(), outFeatures),
      };
      this.#replace(quantizedVariable(shape, source));
      return;
    }
    const matrix = round(toFileOrder(before.dataSync<'float32'>(), this.layout), outFeatures);
    this.#replace(quantizedVariable(shape, { read: async () => matrix, readSync: () => matrix }));
  }

  #matrixShape(): [inFeatures: number, outFeatures: number] {
    const [inFeatures, outFeatures] = this.shape as [number, number];
    return [inFeatures, outFeatures];
  }

  #replace(variable: tf.Variable): void {
    this.#variable?.dispose();
    this.#own(variable);
  }

  /** A copy of the values in the order of {@link layout}. */
  async getForFile(): Promise<Float32Array> {
    return toFileOrder(await this.get(), this.layout);
  }

  #own(variable: tf.Variable): void {
    this.#variable = variable;
    owners.set(variable, this);
  }

  dispose(): void {
    if (!this.#isAdopted) this.#variable?.dispose();
    this.#variable = undefined;
    this.#isAdopted = false;
  }
}
