import type { HostTensor } from '@peft/core';
import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { describe } from 'vitest';
import { agrees, floats, indices, seed, shapes, useEngine, withGradients } from '../../test/agree.ts';

useEngine();

const one = fc.tuple(shapes(0, 4), seed).map(([shape, s]) => [floats(shape, s)]);
const within = (low: number, high: number) =>
  fc.tuple(shapes(0, 3), seed).map(([shape, s]): HostTensor[] => {
    const { data } = floats(shape, s, 1);
    return [{ data: (data as Float32Array).map(x => low + ((x + 1) / 2) * (high - low)), shape }];
  });

/** Two tensors that broadcast: some axes of the second have length 1, and some leading ones are left out. */
const two = fc.tuple(shapes(0, 4), seed, fc.integer({ min: 0, max: 4 }), fc.integer({ min: 0, max: 15 }));
const pair = two.map(([shape, s, drop, mask]) => {
  const other = shape.map((length, axis) => ((mask >> axis) & 1 ? 1 : length)).slice(drop);
  return [floats(shape, s), floats(other, s + 1)];
});
const twins = fc.tuple(shapes(0, 3), seed).map(([shape, s]) => [floats(shape, s), floats(shape, s + 1)]);
const swapped = pair.map(([a, b]) => [b, a]);
const positivePair = pair.map(([a, b]) => [{ ...a, data: (a.data as Float32Array).map(x => Math.abs(x) + 0.1) }, b]);
const integers = fc.tuple(shapes(1, 3), seed).map(([shape, s]) => [indices(shape, s, 9), indices(shape, s + 1, 9)]);

describe('of one tensor', () => {
  const smooth = {
    abs: tf.abs,
    neg: tf.neg,
    relu: tf.relu,
    square: tf.square,
    exp: tf.exp,
    expm1: tf.expm1,
    erf: tf.erf,
    sin: tf.sin,
    cos: tf.cos,
    tan: (x: tf.Tensor) => tf.tan(tf.mul(x, 0.5)),
    atan: tf.atan,
    sinh: tf.sinh,
    cosh: tf.cosh,
    tanh: tf.tanh,
    sigmoid: tf.sigmoid,
    softplus: tf.softplus,
    elu: tf.elu,
    selu: tf.selu,
    relu6: (x: tf.Tensor) => tf.relu6(tf.mul(x, 4)),
    leakyRelu: (x: tf.Tensor) => tf.leakyRelu(x, 0.3),
    clip: (x: tf.Tensor) => tf.clipByValue(x, -0.7, 1.1),
    cast: (x: tf.Tensor) => tf.cast(tf.cast(x, 'float32'), 'float32'),
    identity: (x: tf.Tensor) => tf.clone(x),
  };
  for (const [name, op] of Object.entries(smooth)) agrees(name, withGradients(op as (x: tf.Tensor) => tf.Tensor), one);
  const flat = {
    sign: tf.sign,
    floor: tf.floor,
    ceil: tf.ceil,
    round: tf.round,
    step: (x: tf.Tensor) => tf.step(x, 0.2),
    zerosLike: tf.zerosLike,
    onesLike: tf.onesLike,
    toInteger: (x: tf.Tensor) => tf.cast(x, 'int32'),
    toBoolean: (x: tf.Tensor) => tf.cast(tf.floor(x), 'bool'),
    isNaN: (x: tf.Tensor) => tf.isNaN(tf.sqrt(x)),
    isInf: (x: tf.Tensor) => tf.isInf(tf.div(x, tf.relu(x))),
    isFinite: (x: tf.Tensor) => tf.isFinite(tf.div(x, tf.relu(x))),
  };
  for (const [name, op] of Object.entries(flat)) agrees(name, op as (x: tf.Tensor) => tf.Tensor, one);
  const positive = { sqrt: tf.sqrt, rsqrt: tf.rsqrt, log: tf.log, log1p: tf.log1p, reciprocal: tf.reciprocal };
  for (const [name, op] of Object.entries(positive)) {
    agrees(name, withGradients(op as (x: tf.Tensor) => tf.Tensor), within(0.2, 3));
  }
  agrees(
    'asin',
    withGradients(x => tf.asin(x)),
    within(-0.8, 0.8),
  );
  agrees(
    'acos',
    withGradients(x => tf.acos(x)),
    within(-0.8, 0.8),
  );
});

describe('of two tensors that broadcast', () => {
  const ops = {
    add: tf.add,
    sub: tf.sub,
    mul: tf.mul,
  };
  for (const [name, op] of Object.entries(ops)) {
    agrees(
      name,
      withGradients((a, b) => op(a, b)),
      pair,
    );
    agrees(
      `${name}, the other way`,
      withGradients((a, b) => op(a, b)),
      swapped,
    );
  }
  // TensorFlow.js' gradients of these do not undo a broadcast.
  const unreduced = { squaredDifference: tf.squaredDifference, maximum: tf.maximum, minimum: tf.minimum };
  for (const [name, op] of Object.entries(unreduced)) {
    agrees(name, (a, b) => op(a, b), pair);
    agrees(
      `${name}, its gradient`,
      withGradients((a, b) => op(a, b)),
      twins,
    );
  }
  agrees(
    'div',
    withGradients((b, a) => tf.div(a, b)),
    positivePair,
  );
  agrees(
    'pow',
    withGradients((a, b) => tf.pow(a, b)),
    positivePair,
  );
  agrees('prelu', (x, alpha) => tf.prelu(x, alpha), pair);
  agrees('mod', (a, b) => tf.mod(a, tf.add(b, 3)), pair);
  agrees(
    'addN',
    withGradients((a, b) => tf.addN([a, tf.mul(a, b), a])),
    pair,
  );
  const comparisons = {
    equal: tf.equal,
    notEqual: tf.notEqual,
    greater: tf.greater,
    greaterEqual: tf.greaterEqual,
    less: tf.less,
    lessEqual: tf.lessEqual,
  };
  for (const [name, op] of Object.entries(comparisons)) {
    agrees(name, (a, b) => op(tf.round(a), tf.round(b)), pair);
    agrees(`${name} of integers`, (a, b) => op(a, b), integers);
  }
  agrees('floorDiv of integers', (a, b) => tf.floorDiv(tf.sub(a, 4), tf.add(b, 1)), integers);
  agrees('mod of integers', (a, b) => tf.mod(tf.sub(a, 4), tf.add(b, 1)), integers);
  agrees(
    'arithmetic of integers',
    (a, b) => tf.sub(tf.mul(tf.add(a, b), b), tf.maximum(a, tf.abs(tf.neg(b)))),
    integers,
  );
});

describe('of booleans', () => {
  const is = (x: tf.Tensor) => tf.greater(x, 0);
  agrees('and', (a, b) => tf.logicalAnd(is(a), is(b)), pair);
  agrees('or', (a, b) => tf.logicalOr(is(a), is(b)), pair);
  agrees('xor', (a, b) => tf.logicalXor(is(a), is(b)), pair);
  agrees('not', a => tf.logicalNot(is(a)), pair);
  agrees('where', (a, b) => tf.where(is(a), tf.mul(b, 2), a), pair);
  agrees(
    'where, its gradient',
    withGradients((a, b) => tf.where(tf.equal(tf.reshape(tf.range(0, a.size), a.shape), 1), tf.mul(b, 2), a)),
    twins,
  );
});

describe('lazy broadcasts', () => {
  agrees(
    'of constants',
    a => tf.add(tf.mul(a, tf.ones(a.shape)), tf.div(tf.fill([2, ...a.shape], 3), tf.fill([1], 7))),
    one,
  );
  agrees('through unary ops and sums', a => tf.sum(tf.exp(tf.sub(tf.ones([3, ...a.shape]), tf.zerosLike(a))), 0), one);
  agrees('of a tensor', a => tf.sum(tf.square(tf.broadcastTo(a, [3, ...a.shape])), 0), one);
});
