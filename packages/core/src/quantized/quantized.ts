import type * as tf from '@tensorflow/tfjs-core';
import { fromFileOrder, linearLayout } from '../module/layout.ts';
import { deferredVariable } from '../tensor/deferred.ts';
import { dequantizeMatrix, type QuantizedMatrix } from './matrix.ts';

/** Where a weight in 8 bits comes from. Each call may read it anew. */
export interface QuantizedSource {
  read(): Promise<QuantizedMatrix>;
  readSync(): QuantizedMatrix;
}

/** A weight in 8 bits that a variable holds. */
export interface QuantizedWeight extends QuantizedSource {
  /** `[out]`; read once. */
  scales(): QuantizedMatrix['scales'];
  /** Calls back once, when the variable lets go of the weight: for what a backend has made of it. */
  onRelease(callback: () => void): void;
}

const weights = new WeakMap<tf.DataId, QuantizedWeight>();

/**
 * The 8 bits of a weight, if it is kept so: products with it then round the rows of their other factor to 8 bits too, and
 * multiply integers. Assigning the variable ends it, since it has other data then.
 */
export const quantizedWeight = (dataId: tf.DataId): QuantizedWeight | undefined => weights.get(dataId);

/** Says that data are a copy of a weight, if that is kept in 8 bits: TensorFlow.js' own wasm kernels copy what a gradient needs. */
export function markCopy({ dataId }: tf.Tensor, copy: tf.Tensor): void {
  const weight = weights.get(dataId);
  if (weight && copy.dataId !== dataId) weights.set(copy.dataId, weight);
}

/** A weight `[in, out]` that is kept in 8 bits. What asks for its float32 values gets those that the 8 bits stand for. */
export function quantizedVariable(
  [inFeatures, outFeatures]: readonly [number, number],
  source: QuantizedSource,
): tf.Variable {
  const layout = linearLayout(inFeatures, outFeatures);
  const callbacks: (() => void)[] = [];
  const variable = deferredVariable([inFeatures, outFeatures], {
    read: async () => fromFileOrder(dequantizeMatrix(await source.read()), layout),
    readSync: () => fromFileOrder(dequantizeMatrix(source.readSync()), layout),
    readTransposed: async () => dequantizeMatrix(await source.read()),
    released() {
      for (const callback of callbacks.splice(0)) callback();
    },
  });
  const { dataId } = variable;
  let scales: QuantizedMatrix['scales'] | undefined;
  weights.set(dataId, {
    ...source,
    scales() {
      scales ??= source.readSync().scales;
      return scales;
    },
    onRelease: callback => void callbacks.push(callback),
  });
  return variable;
}
