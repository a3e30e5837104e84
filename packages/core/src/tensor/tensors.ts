import type * as tf from '@tensorflow/tfjs-core';

/** Tensors by name; an optional one is left out. */
export type Tensors<Name extends string = string> = Record<Name, tf.Tensor>;
