import * as tf from '@tensorflow/tfjs-core';
import type { Attributes } from '../onnx/graph.ts';
import type { Recorder } from '../record/recorder.ts';
import type { Value } from '../record/value.ts';
import type { Kernel, KernelTable, Values } from './kernel.ts';

/** A node of one input, element by element; its broadcast stays lazy. */
export const unary = (r: Recorder, op: string, x: Value, dtype = x.dtype, attributes: Attributes = {}): Value =>
  r.value(r.graph.node(op, [x.name], attributes)[0], { shape: x.shape, held: x.held, dtype });

/** A node of two inputs that broadcast; broadcasts stay lazy. */
export function binary(
  r: Recorder,
  op: string,
  a: Value,
  b: Value,
  dtype = a.dtype,
  attributes: Attributes = {},
): Value {
  const shape = tf.backend_util.assertAndGetBroadcastShape(a.shape, b.shape);
  const held = tf.backend_util.assertAndGetBroadcastShape([...a.held], [...b.held]);
  return r.value(r.graph.node(op, [a.name, b.name], attributes)[0], { shape, held, dtype });
}

/** What is folded while recording: two numbers into one, and operands that change nothing. */
interface Folding {
  fold(a: number, b: number): number;
  neutralLeft?: number;
  neutralRight: number;
}

function folded(r: Recorder, op: string, a: Value, b: Value, { fold, neutralLeft, neutralRight }: Folding): Value {
  const shape = tf.backend_util.assertAndGetBroadcastShape(a.shape, b.shape);
  if (a.uniform !== undefined && b.uniform !== undefined && a.dtype === 'float32') {
    return r.uniform(Math.fround(fold(a.uniform, b.uniform)), shape, a.dtype);
  }
  if (b.uniform === neutralRight) return { ...a, shape };
  if (neutralLeft !== undefined && a.uniform === neutralLeft) return { ...b, shape };
  return binary(r, op, a, b);
}

export const add = (r: Recorder, a: Value, b: Value): Value =>
  folded(r, 'Add', a, b, { fold: (x, y) => x + y, neutralLeft: 0, neutralRight: 0 });
export const sub = (r: Recorder, a: Value, b: Value): Value =>
  folded(r, 'Sub', a, b, { fold: (x, y) => x - y, neutralRight: 0 });
export const mul = (r: Recorder, a: Value, b: Value): Value =>
  folded(r, 'Mul', a, b, { fold: (x, y) => x * y, neutralLeft: 1, neutralRight: 1 });
const div = (r: Recorder, a: Value, b: Value): Value =>
  folded(r, 'Div', r.cast(a, 'float32'), r.cast(b, 'float32'), { fold: (x, y) => x / y, neutralRight: 1 });

/** A number that broadcasts against `like`. */
export const scalar = (r: Recorder, number: number, like: Value): Value => r.uniform(number, [], like.dtype);

type One = Values<'x'>;
type Two = Values<'a' | 'b'>;

/** ONNX has these for floats only; in TensorFlow.js they return float32 for any input. */
const floatUnary =
  (op: string): Kernel<One> =>
  ({ x }, _, r) =>
    unary(r, op, r.cast(x, 'float32'));
const sameUnary =
  (op: string): Kernel<One> =>
  ({ x }, _, r) =>
    unary(r, op, x);
const testUnary =
  (op: string): Kernel<One> =>
  ({ x }, _, r) =>
    unary(r, op, x, 'bool');
const sameBinary =
  (op: string): Kernel<Two> =>
  ({ a, b }, _, r) =>
    binary(r, op, a, b);
const arithmetic =
  (op: (r: Recorder, a: Value, b: Value) => Value): Kernel<Two> =>
  ({ a, b }, _, r) =>
    op(r, a, b);

/** Comparisons. ONNX does not order booleans. */
const comparison =
  (op: string): Kernel<Two> =>
  ({ a, b }, _, r) => {
    const comparable = (x: Value) => (x.dtype === 'bool' ? r.cast(x, 'int32') : x);
    return binary(r, op, comparable(a), comparable(b), 'bool');
  };

const logical =
  (op: string): Kernel<Two> =>
  ({ a, b }, _, r) =>
    binary(r, op, r.cast(a, 'bool'), r.cast(b, 'bool'));

const not = (r: Recorder, x: Value): Value => unary(r, 'Not', x);

/** `floor(a / b)`; ONNX divides integers towards zero. */
const floorDiv: Kernel<Two> = ({ a, b }, _, r) => r.cast(unary(r, 'Floor', div(r, a, b)), a.dtype);

/** The remainder with the sign of the divisor; ONNX's `fmod` has the sign of the dividend. */
const mod: Kernel<Two> = ({ a, b }, _, r) => {
  const fmod = (x: Value) => binary(r, 'Mod', x, b, x.dtype, { fmod: 1 });
  return fmod(add(r, fmod(a), b));
};

const squaredDifference: Kernel<Two> = ({ a, b }, _, r) => {
  const difference = sub(r, a, b);
  return mul(r, difference, difference);
};

/** `where` with lazy broadcasts. */
export function select(r: Recorder, condition: Value, t: Value, e: Value): Value {
  const { assertAndGetBroadcastShape: broadcast } = tf.backend_util;
  const mask = r.cast(condition, 'bool');
  const shape = broadcast(broadcast(mask.shape, t.shape), e.shape);
  const held = broadcast(broadcast([...mask.held], [...t.held]), [...e.held]);
  return r.value(r.graph.node('Where', [mask.name, t.name, e.name])[0], { shape, held, dtype: t.dtype });
}

const where: Kernel<Values<'condition' | 't' | 'e'>> = ({ condition, t, e }, _, r) => select(r, condition, t, e);

const step: Kernel<One, { alpha: number }> = ({ x }, { alpha }, r) => {
  const above = binary(r, 'Greater', x, scalar(r, 0, x), 'bool');
  return select(r, above, scalar(r, 1, x), scalar(r, alpha, x));
};

const clip = (r: Recorder, x: Value, low: number, high: number): Value => {
  const bounds = [low, high].map(bound => scalar(r, bound, x).name);
  return r.value(r.graph.node('Clip', [x.name, ...bounds])[0], { shape: x.shape, held: x.held, dtype: x.dtype });
};

/** `dy` where y >= 0, else `dy (y + 1)`. */
const eluGrad: Kernel<Values<'dy' | 'y'>> = ({ dy, y }, _, r) => {
  const positive = binary(r, 'GreaterOrEqual', y, scalar(r, 0, y), 'bool');
  return select(r, positive, dy, mul(r, dy, add(r, y, scalar(r, 1, y))));
};

const addN: Kernel = (inputs, _, r) => Object.values(inputs).reduce((sum, x) => add(r, sum, x));

export const elementwiseKernels: KernelTable = {
  Add: arithmetic(add),
  Sub: arithmetic(sub),
  Multiply: arithmetic(mul),
  RealDiv: arithmetic(div),
  Maximum: sameBinary('Max'),
  Minimum: sameBinary('Min'),
  Pow: sameBinary('Pow'),
  Prelu: ({ x, alpha }: Values<'x' | 'alpha'>, _, r) => binary(r, 'PRelu', x, alpha),
  FloorDiv: floorDiv,
  Mod: mod,
  SquaredDifference: squaredDifference,
  AddN: addN,

  Equal: comparison('Equal'),
  NotEqual: (inputs: Two, attributes, r) => not(r, comparison('Equal')(inputs, attributes, r) as Value),
  Greater: comparison('Greater'),
  GreaterEqual: comparison('GreaterOrEqual'),
  Less: comparison('Less'),
  LessEqual: comparison('LessOrEqual'),
  LogicalAnd: logical('And'),
  LogicalOr: logical('Or'),
  LogicalXor: logical('Xor'),
  LogicalNot: ({ x }: One, _, r) => not(r, r.cast(x, 'bool')),
  Select: where,

  Identity: ({ x }: One) => x,
  Cast: ({ x }: One, { dtype }: tf.CastAttrs, r) => r.cast(x, dtype),
  Abs: sameUnary('Abs'),
  Neg: sameUnary('Neg'),
  Sign: sameUnary('Sign'),
  Relu: sameUnary('Relu'),
  Square: ({ x }: One, _, r) => mul(r, x, x),
  Floor: floatUnary('Floor'),
  Ceil: floatUnary('Ceil'),
  Round: floatUnary('Round'),
  Sqrt: floatUnary('Sqrt'),
  Rsqrt: ({ x }: One, _, r) => unary(r, 'Reciprocal', unary(r, 'Sqrt', r.cast(x, 'float32'))),
  Reciprocal: floatUnary('Reciprocal'),
  Exp: floatUnary('Exp'),
  Expm1: ({ x }: One, _, r) => sub(r, unary(r, 'Exp', x), scalar(r, 1, x)),
  Log: floatUnary('Log'),
  Log1p: ({ x }: One, _, r) => unary(r, 'Log', add(r, x, scalar(r, 1, x))),
  Erf: floatUnary('Erf'),
  Sin: floatUnary('Sin'),
  Cos: floatUnary('Cos'),
  Tan: floatUnary('Tan'),
  Asin: floatUnary('Asin'),
  Acos: floatUnary('Acos'),
  Atan: floatUnary('Atan'),
  Sinh: floatUnary('Sinh'),
  Cosh: floatUnary('Cosh'),
  Tanh: floatUnary('Tanh'),
  Sigmoid: floatUnary('Sigmoid'),
  Softplus: floatUnary('Softplus'),
  Elu: floatUnary('Elu'),
  Selu: floatUnary('Selu'),
  EluGrad: eluGrad,
  Relu6: ({ x }: One, _, r) => clip(r, x, 0, 6),
  LeakyRelu: ({ x }: One, { alpha }: tf.LeakyReluAttrs, r) =>
    unary(r, 'LeakyRelu', x, x.dtype, { alpha: { float: alpha } }),
  ClipByValue: ({ x }: One, { clipValueMin, clipValueMax }: tf.ClipByValueAttrs, r) =>
    clip(r, x, clipValueMin, clipValueMax),
  Step: step,
  IsNan: testUnary('IsNaN'),
  IsInf: testUnary('IsInf'),
  IsFinite: ({ x }: One, _, r) => not(r, binary(r, 'Or', unary(r, 'IsNaN', x, 'bool'), unary(r, 'IsInf', x, 'bool'))),
};
