import type { AdaptedModel, Parameter } from '@peft/core';
import { valueAndGrads } from '@peft/core/engine';
import * as tf from '@tensorflow/tfjs-core';
import { output, type Subject } from './subject.ts';

/** The sum of squares of the model's output. */
export const loss = (model: AdaptedModel, x: tf.Tensor): tf.Scalar => tf.sum(tf.square(model.call(x))) as tf.Scalar;

/** The same, summed in double precision, which leaves finite differences less noise. */
export const lossValue = async (subject: Subject, model: AdaptedModel): Promise<number> =>
  (await output(subject, model)).reduce((sum, y) => sum + y * y, 0);

export interface Gradient {
  readonly path: string;
  readonly parameter: Parameter;
  readonly values: Float32Array;
  /** The largest of their sizes. */
  readonly largest: number;
}

/** The gradient of {@link loss} by each parameter that training would change. */
export async function gradients(subject: Subject, model: AdaptedModel): Promise<Gradient[]> {
  const trainable = [...model.trainable()];
  const { value, grads } = valueAndGrads(
    () => loss(model, subject.input()),
    trainable.map(([, parameter]) => parameter.value),
  );
  value.dispose();
  return Promise.all(
    trainable.map(async ([path, parameter], i): Promise<Gradient> => {
      const grad = grads[i];
      const values = grad ? Float32Array.from(await grad.data()) : new Float32Array(parameter.size);
      grad?.dispose();
      return { path, parameter, values, largest: Math.max(...values.map(Math.abs)) };
    }),
  );
}
