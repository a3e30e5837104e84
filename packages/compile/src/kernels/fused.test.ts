import { attention, gelu, layerNorm, linear, softmaxCrossEntropy } from '@peft/core';
import type * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { agrees, floats, indices, seed, shapes, size, useEngine, withGradients } from '../../test/agree.ts';

useEngine();

const linearInputs = fc
  .tuple(shapes(1, 3), size, seed)
  .map(([shape, out, s]) => [floats(shape, s), floats([shape.at(-1)!, out], s + 1), floats([out], s + 2)]);
agrees(
  'linear',
  withGradients((x, weight) => linear(x, weight)),
  linearInputs.map(([x, w]) => [x, w]),
);
agrees(
  'linear with a bias',
  withGradients((x, weight, bias) => linear(x, weight, bias)),
  linearInputs,
);

const normInputs = fc.tuple(shapes(0, 2), size, seed).map(([leading, width, s]) => {
  const gains = [floats([width + 2], s + 1), floats([width + 2], s + 2)];
  return [floats([...leading, width + 2], s), ...gains];
});
agrees(
  'layer norm',
  withGradients((x, gamma, beta) => layerNorm(x, gamma, beta, 1e-3)),
  normInputs,
);

const geluInputs = fc.tuple(shapes(0, 3), seed).map(([shape, s]) => [floats(shape, s, 4)]);
agrees(
  'gelu',
  withGradients(x => gelu(x)),
  geluInputs,
);
agrees(
  'gelu, tanh',
  withGradients(x => gelu(x, 'tanh')),
  geluInputs,
);

const attentionInputs = fc
  .tuple(size, size, size, size, size, seed)
  .map(([b, h, n, m, d, s]) => [floats([b, h, n, d], s), floats([b, h, m, d], s + 1), floats([b, h, m, d + 1], s + 2)]);
agrees(
  'attention',
  withGradients((q, k, v) => attention(q, k, v, 0.5)),
  attentionInputs,
);
const biased = fc.tuple(attentionInputs, fc.boolean(), seed).map(([inputs, everywhere, s]) => {
  const [[b, h, n], [, , m]] = [inputs[0].shape, inputs[1].shape];
  return [...inputs, floats([everywhere ? 1 : b, h, n, m], s)];
});
agrees(
  'attention with a bias',
  withGradients((q, k, v, bias) => attention(q, k, v, 0.5, bias)),
  biased,
);

const rows = fc.tuple(size, size, seed).map(([b, c, s]) => [floats([b, c + 1], s), indices([b], s, c + 1)]);
agrees(
  'cross entropy',
  withGradients((logits, labels) => softmaxCrossEntropy(logits, labels, 0.1) as tf.Tensor),
  rows,
);
