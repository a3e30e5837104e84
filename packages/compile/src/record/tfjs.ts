import * as tf from '@tensorflow/tfjs-core';

/*
 * What this package needs of TensorFlow.js' engine beyond its documented ops: its variables, and data by id. No other file of
 * the package touches the engine, so that an upgrade is checked here.
 */

/** All variables that are not disposed of. */
export const registeredVariables = (): tf.Variable[] => Object.values(tf.engine().state.registeredVariables);

/** Whether a tensor still holds the data. */
export const isHeld = (dataId: tf.DataId): boolean => tf.engine().state.tensorInfo.has(dataId);

/** The values of data, from its backend. Some backends return their own array. */
export const readData = (dataId: tf.DataId): Promise<tf.BackendValues> => tf.engine().read(dataId);

/** A tensor of data that `backend` holds. */
export const tensorOn = (backend: tf.KernelBackend, info: tf.TensorInfo): tf.Tensor =>
  tf.engine().makeTensorFromTensorInfo(info, backend);

/** Runs `f`, and disposes of all tensors that it made, those of its result included. */
export function disposingAll<T>(f: () => T): T {
  tf.engine().startScope();
  try {
    return f();
  } finally {
    tf.engine().endScope();
  }
}
