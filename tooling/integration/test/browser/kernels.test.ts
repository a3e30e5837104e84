import { startBackend } from '@peft/backends';
import { onnxWebEngine } from '@peft/compile';
import type { Engine, HostTensors } from '@peft/core';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';

/** Ops by the shapes that they want. */
type Ops<T> = Record<string, (x: T) => tf.Tensor>;

const floats = (shape: number[], seed = 1) => ({
  data: Float32Array.from({ length: tf.util.sizeFromShape(shape) }, (_, i) => Math.sin(i * 1.7 + seed)),
  shape,
});

const above = (x: tf.Tensor, least: number): tf.Tensor => tf.greater(x, least);

const ofFloats: Ops<tf.Tensor3D> = {
  abs: x => tf.abs(x),
  add: x => tf.add(x, tf.range(0, 4)),
  all: x => tf.all(above(x, -0.9), 1),
  any: x => tf.any(above(x, 0.1)),
  avgPool: x => tf.avgPool(tf.expandDims(x) as tf.Tensor4D, 2, 1, 'same'),
  batchNorm: x => tf.batchNorm(x, tf.zeros([4]), tf.ones([4])),
  boolSum: x => tf.sum(above(x, 0.1)),
  cast: x => tf.cast(tf.mul(x, 3), 'int32'),
  ceil: x => tf.ceil(x),
  clip: x => tf.clipByValue(x, -0.1, 0.5),
  concat: x =>
    tf.concat(
      Array.from({ length: 20 }, (_, i) => tf.add(x, i)),
      0,
    ),
  cos: x => tf.cos(x),
  cumsum: x => tf.cumsum(x, 1),
  div: x => tf.div(1, x),
  einsum: x => tf.einsum('abc,abd->acd', x, x),
  elu: x => tf.elu(x),
  equal: x => tf.equal(x, x),
  erf: x => tf.erf(x),
  exp: x => tf.exp(x),
  floor: x => tf.floor(x),
  floorDiv: x => tf.floorDiv(x, 0.3),
  leakyRelu: x => tf.leakyRelu(x),
  linspace: x => tf.mul(x, tf.linspace(0, 1, 4)),
  log: x => tf.log(tf.abs(x)),
  log1p: x => tf.log1p(x),
  logicalAnd: x => tf.logicalAnd(above(x, 0.1), tf.less(x, 0.5)),
  logicalNot: x => tf.logicalNot(above(x, 0.1)),
  logSumExp: x => tf.logSumExp(x, 2),
  matMul: x => tf.matMul(x, x, true, false),
  max: x => tf.max(x, 1),
  maximum: x => tf.maximum(x, 0.3),
  maxPool: x => tf.maxPool(tf.expandDims(x) as tf.Tensor4D, 2, 1, 'same'),
  mean: x => tf.mean(x, 2),
  min: x => tf.min(x, 1),
  minimum: x => tf.minimum(x, 0.3),
  mirrorPad: x =>
    tf.mirrorPad(
      x,
      [
        [0, 0],
        [1, 1],
        [0, 0],
      ],
      'reflect',
    ),
  neg: x => tf.neg(x),
  pad: x =>
    tf.pad(x, [
      [0, 0],
      [1, 1],
      [0, 0],
    ]),
  pow: x => tf.pow(tf.abs(x), 1.5),
  prelu: x => tf.prelu(x, tf.fill([2, 3, 4], 0.1) as tf.Tensor3D),
  prod: x => tf.prod(x, 1),
  reciprocal: x => tf.reciprocal(x),
  relu: x => tf.relu(x),
  relu6: x => tf.relu6(tf.mul(x, 9)),
  reverse: x => tf.reverse(x, 1),
  rsqrt: x => tf.rsqrt(tf.abs(x)),
  sigmoid: x => tf.sigmoid(x),
  sin: x => tf.sin(x),
  softmax: x => tf.softmax(x),
  softplus: x => tf.softplus(x),
  split: x => tf.sub(...(tf.split(x, 2, 2) as [tf.Tensor, tf.Tensor])),
  sqrt: x => tf.sqrt(tf.abs(x)),
  square: x => tf.square(x),
  squaredDifference: x => tf.squaredDifference(x, 1),
  stack: x => tf.stack(tf.unstack(x, 1), 0),
  step: x => tf.step(x),
  stridedSlice: x => tf.stridedSlice(x, [0, 0, 0], [2, 3, 4], [1, 2, 1]),
  tanh: x => tf.tanh(x),
  tile: x => tf.tile(x, [1, 2, 1]),
  topk: x => tf.topk(x, 2).values,
  transpose: x => tf.transpose(x, [2, 0, 1]),
  where: x => tf.where(above(x, 0.2), x, tf.zerosLike(x)),
};

const ofIndices: Ops<tf.Tensor1D> = {
  add: x => tf.add(x, 3),
  equal: x => tf.equal(x, 1),
  gather: x => tf.gather(tf.eye(3), x),
  gatherND: x => tf.gatherND(tf.eye(3), tf.reshape(x, [1, 2])),
  max: x => tf.max(x),
  mul: x => tf.mul(x, 3),
  oneHot: x => tf.oneHot(x, 3),
  scatterND: x => tf.scatterND(tf.reshape(x, [2, 1]), tf.ones([2, 4]), [3, 4]),
  sum: x => tf.sum(x),
  unsortedSegmentSum: x => tf.unsortedSegmentSum(tf.ones([2, 4]), x, 3),
};

/** What ONNX Runtime 1.30 has no kernels for on WebGPU. */
const ofHostAlone: Ops<tf.Tensor3D> = {
  argMax: x => tf.argMax(x, 1),
  intAbs: x => tf.abs(tf.cast(tf.mul(x, 9), 'int32')),
  intNeg: x => tf.neg(tf.cast(tf.mul(x, 9), 'int32')),
  intRelu: x => tf.relu(tf.cast(tf.mul(x, 9), 'int32')),
  isFinite: x => tf.isFinite(x),
  isInf: x => tf.isInf(x),
  isNaN: x => tf.isNaN(x),
  logicalOr: x => tf.logicalOr(above(x, 0.1), tf.less(x, -0.5)),
  logicalXor: x => tf.logicalXor(above(x, 0.1), tf.less(x, 0.5)),
  mod: x => tf.mod(x, 0.3),
  round: x => tf.round(tf.mul(x, 9)),
  selu: x => tf.selu(x),
  sign: x => tf.sign(x),
};

const onWebGpu = { ofFloats, ofIndices };
let wasm: Engine;
let webgpu: Engine;
beforeAll(async () => {
  await startBackend('cpu');
  wasm = await onnxWebEngine({ threads: 1 });
  webgpu = await onnxWebEngine({ provider: 'webgpu', hostFallback: false });
});

async function result(engine: Engine, op: (x: never) => tf.Tensor, inputs: HostTensors): Promise<number[]> {
  const step = engine.compile(({ x }) => ({ y: op(x as never) }));
  try {
    return [...(await step.run(inputs)).y.data];
  } finally {
    await step.dispose();
  }
}

/** SwiftShader's sine is off by 1e-4. */
function expectClose(found: number[], expected: number[]): void {
  expect(found.length).toBe(expected.length);
  const scale = Math.max(1, ...expected.map(Math.abs));
  for (const [i, value] of expected.entries()) expect(Math.abs(found[i] - value), `[${i}]`).toBeLessThan(5e-4 * scale);
}

const inputs = {
  ofFloats: { x: floats([2, 3, 4]) },
  ofIndices: { x: { data: Int32Array.of(2, 0), shape: [2] } },
};

describe('on WebGPU, without the host', () => {
  for (const kind of ['ofFloats', 'ofIndices'] as const) {
    test.each(Object.entries(onWebGpu[kind]))(`${kind}: %s`, async (_, op) => {
      expectClose(await result(webgpu, op, inputs[kind]), await result(wasm, op, inputs[kind]));
    });
  }

  /** [batch, height, width, channels], filter's height and width, filters, stride */
  const geometries = [
    [[1, 3, 4, 2], [2, 2], 3, 1], // the gradient's filter is as large as its input, and padded at the end alone
    [[2, 8, 8, 3], [3, 3], 4, 1],
    [[2, 8, 8, 3], [3, 3], 4, 2],
    [[2, 4, 4, 1], [4, 4], 2, 4],
  ] as const;
  test.each(geometries)(
    'convolution of %j by %j, and its gradients',
    async (shape, [height, width], filters, stride) => {
      const filter = tf.tensor4d(floats([height, width, shape[3], filters], 2).data, [
        height,
        width,
        shape[3],
        filters,
      ]);
      const depthwise = tf.slice(filter, [0, 0, 0, 0], [-1, -1, -1, 1]) as tf.Tensor4D;
      const apply = (x: tf.Tensor, w: tf.Tensor): tf.Tensor =>
        tf.conv2d(x as tf.Tensor4D, w as tf.Tensor4D, stride, 'same');
      const loss = (x: tf.Tensor, w: tf.Tensor): tf.Tensor => tf.sum(tf.square(apply(x, w)));
      const ops: Ops<tf.Tensor4D> = {
        forward: x => apply(x, filter),
        depthwise: x => tf.depthwiseConv2d(x, depthwise, stride, 'same'),
        dx: x => tf.grad(v => loss(v, filter))(x),
        dw: x => tf.grad(w => loss(x, w))(filter),
      };
      for (const op of Object.values(ops)) {
        const given = { x: floats([...shape]) };
        expectClose(await result(webgpu, op, given), await result(wasm, op, given));
      }
      tf.dispose([filter, depthwise]);
    },
  );
});

test.each(Object.entries(ofHostAlone))(
  '%s needs the host, which WebGPU may use unless it is forbidden',
  async (_, op) => {
    const { ofFloats: given } = inputs;
    await expect(result(webgpu, op, given)).rejects.toThrow(/fallback to CPU EP has been explicitly disabled/);
    const lenient = await onnxWebEngine({ provider: 'webgpu' });
    expectClose(await result(lenient, op, given), await result(wasm, op, given));
    await lenient.dispose();
  },
);
