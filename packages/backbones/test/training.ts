import {
  type AdaptedModel,
  adapt,
  initialize,
  key,
  type Method,
  normal,
  type Parameter,
  softmaxCrossEntropy,
} from '@peft/core';
import { drawNormal, hostRandom, valueAndGrads, withScope } from '@peft/core/engine';
import { type LowRank, lowRankDelta, lowRankParameters } from '@peft/core/method';
import * as tf from '@tensorflow/tfjs-core';
import type { Backbone } from '../src/index.ts';

/** Two pictures of 16 x 16. */
export const images = () => tf.tensor(drawNormal(key(3), 2 * 16 * 16 * 3), [2, 16, 16, 3]);
const labels = () => tf.tensor1d([1, 4], 'int32');

/** A low-rank update that starts away from zero. */
export const lowRank = (targets: string[]): Method<object, LowRank> => ({
  type: 'low-rank',
  config: {},
  targets: { targets },
  modulesToSave: [],
  mergeable: { reason: 'not needed here.' },
  parameters: target => lowRankParameters(target, 2, { B: normal(0.1) }),
  delta: ({ x, parameters }) => lowRankDelta(x, parameters, 1),
  rowwise: true,
});

export interface Trained {
  model: AdaptedModel;
  backbone: Backbone;
  parameters: Parameter[];
}

export async function adapted(create: () => Backbone, method: Method): Promise<Trained> {
  const backbone = initialize(create(), key(0));
  const model = adapt(backbone);
  await model.add('default', method, { key: key(1) });
  return { model, backbone, parameters: [...model.trainable()].map(([, parameter]) => parameter) };
}

/** The loss and all gradients, one after the other, of a model that takes `x`. */
export const train = (
  { model, parameters }: Pick<Trained, 'parameters'> & { model: Pick<AdaptedModel, 'call'> },
  x: tf.Tensor,
  onForward = () => {},
): tf.Tensor =>
  withScope({ training: true, random: hostRandom(key(3)) }, () =>
    tf.tidy(() => {
      const loss = () => {
        const logits = model.call(x);
        onForward();
        return tf.mean(softmaxCrossEntropy(logits, labels())) as tf.Scalar;
      };
      const { value, grads } = valueAndGrads(
        loss,
        parameters.map(parameter => parameter.value),
      );
      return tf.concat([value, ...grads.map(grad => grad!)].map(t => tf.reshape(t, [-1])));
    }),
  );
