import { check } from '@peft/core';
import * as tf from '@tensorflow/tfjs-core';
import { type Attributes, type ElementType, elementCodes, Graph } from '../onnx/graph.ts';
import type { Value } from './value.ts';

/** The output of a node, as TensorFlow.js sees it. */
export interface Made {
  readonly shape: readonly number[];
  readonly dtype?: tf.DataType;
  /** The shape in the graph, if it is smaller than `shape`. */
  readonly held?: readonly number[];
}

export interface RecorderOptions {
  /** Whether to use standard operators only, for readers other than ONNX Runtime. */
  readonly portable?: boolean;
  /** How many values a node may concatenate; any number unless given. */
  readonly widestJoin?: number;
}

/** Kernels use it to add nodes to the graph: it takes values and returns values. */
export class Recorder {
  readonly graph = new Graph();
  readonly portable: boolean;
  readonly widestJoin: number;

  constructor({ portable = false, widestJoin = Number.POSITIVE_INFINITY }: RecorderOptions = {}) {
    this.portable = portable;
    this.widestJoin = widestJoin;
  }

  /** A node with one output. Inputs are values, whose broadcasts are done first, or names of constants. */
  emit(op: string, inputs: readonly (Value | string)[], made: Made, attributes: Attributes = {}, domain = ''): Value {
    const [name] = this.graph.node(op, this.#names(inputs), attributes, { domain });
    return this.value(name, made);
  }

  /** A node with several outputs. */
  emitMany<const Several extends readonly Made[]>(
    op: string,
    inputs: readonly (Value | string)[],
    made: Several,
    attributes: Attributes = {},
  ): { -readonly [Index in keyof Several]: Value } {
    const names = this.graph.node(op, this.#names(inputs), attributes, { outputs: made.length });
    const values = made.map((output, i) => this.value(names[i]!, output));
    return values as { -readonly [Index in keyof Several]: Value };
  }

  value(name: string, { shape, dtype = 'float32', held = shape }: Made): Value {
    return { name, dtype, shape: [...shape], held };
  }

  /** A tensor whose elements all equal `number`: one number in the graph. */
  uniform(number: number, shape: readonly number[], dtype: tf.DataType = 'float32'): Value {
    const name = this.graph.constant(typeOf(dtype), [], [number]);
    return { name, dtype, shape: [...shape], held: [], uniform: number };
  }

  constant(values: ArrayLike<number>, shape: readonly number[], dtype: tf.DataType): Value {
    const numbers = Array.from(values);
    const [first] = numbers;
    if (first !== undefined && numbers.every(number => Object.is(number, first))) {
      return this.uniform(first, shape, dtype);
    }
    return this.value(this.graph.constant(typeOf(dtype), shape, numbers), { shape, dtype });
  }

  /** A one-dimensional int64 constant: axes, shapes, and the like. */
  ints(values: readonly number[]): string {
    return this.graph.constant('int64', [values.length], values);
  }

  /** The name of a value after its broadcast. */
  full(value: Value): string {
    if (tf.util.arraysEqual([...value.held], value.shape)) return value.name;
    return this.graph.node('Expand', [value.name, this.ints(value.shape)])[0];
  }

  reshape(x: Value, shape: readonly number[]): Value {
    if (tf.util.arraysEqual(x.shape, [...shape])) return x;
    if (x.uniform !== undefined) return this.uniform(x.uniform, shape, x.dtype);
    return this.emit(
      'Reshape',
      [x, this.ints(shape)],
      { shape, dtype: x.dtype },
      shape.includes(0) ? { allowzero: 1 } : {},
    );
  }

  cast(x: Value, dtype: tf.DataType): Value {
    if (x.dtype === dtype) return x;
    const { uniform, shape, held } = x;
    if (uniform !== undefined) {
      return this.uniform(
        dtype === 'bool' ? Number(uniform !== 0) : dtype === 'int32' ? Math.trunc(uniform) : uniform,
        shape,
        dtype,
      );
    }
    const [name] = this.graph.node('Cast', [x.name], { to: elementCodes[typeOf(dtype)] });
    return this.value(name, { shape, dtype, held });
  }

  #names(inputs: readonly (Value | string)[]): string[] {
    return inputs.map(input => (typeof input === 'string' ? input : this.full(input)));
  }
}

/** Whether a graph can hold tensors of a type: any but strings and complex numbers. */
export const isRecordable = (dtype: tf.DataType): dtype is 'float32' | 'int32' | 'bool' =>
  dtype === 'float32' || dtype === 'int32' || dtype === 'bool';

/** The graph's type of a TensorFlow.js type, or an error. */
export function typeOf(dtype: tf.DataType): ElementType {
  check(
    isRecordable(dtype),
    'not-supported',
    () => `A recorded step holds float32, int32 and bool tensors; found one of ${dtype}.`,
  );
  return dtype;
}
