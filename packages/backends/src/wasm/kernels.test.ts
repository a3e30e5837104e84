import {
  attention,
  disposeModule,
  gelu,
  initialize,
  key,
  Linear,
  layerNorm,
  linear,
  softmaxCrossEntropy,
} from '@peft/core';
import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { startBackend } from '../index.ts';

type Compute = () => tf.Tensor | tf.Tensor[];

/** Numbers in [-1, 1) that differ by `seed`. */
const numbers = (size: number, seed: number): Float32Array =>
  Float32Array.from(
    { length: size },
    (_, i) => (Math.imul(i + 1, 0x9e3779b1 ^ (seed * 0x85ebca6b)) >>> 8) / 2 ** 23 - 1,
  );

const random = (shape: number[], seed = 1): tf.Tensor => tf.tensor(numbers(tf.util.sizeFromShape(shape), seed), shape);

async function on(name: 'cpu' | 'wasm', compute: Compute): Promise<{ shape: number[]; values: Float32Array }[]> {
  await tf.setBackend(name);
  const outputs = [tf.tidy(compute)].flat();
  const read = await Promise.all(
    outputs.map(async y => ({ shape: y.shape, values: (await y.data()) as Float32Array })),
  );
  tf.dispose(outputs);
  return read;
}

/** Expects cpu and wasm to agree up to rounding, and no leaked tensors. */
async function expectSame(compute: Compute, tolerance = 1e-5, reference = compute): Promise<void> {
  const expected = await on('cpu', reference);
  await tf.setBackend('wasm');
  const before = tf.engine().backend.numDataIds();
  const found = await on('wasm', compute);
  expect(tf.engine().backend.numDataIds()).toBe(before);
  expect(found.map(({ shape }) => shape)).toEqual(expected.map(({ shape }) => shape));
  found.forEach(({ values }, output) => {
    for (let i = 0; i < values.length; i++) {
      const goal = expected[output].values[i];
      const error = Math.abs(values[i] - goal) / (1 + Math.abs(goal));
      if (!(error <= tolerance)) expect.fail(`output ${output}: ${values[i]} at ${i}, on cpu ${goal}`);
    }
  });
}

/** The value of f and its gradients at all inputs, with random weights on the output. */
const withGradients =
  (makeInputs: () => tf.Tensor[], f: (...inputs: tf.Tensor[]) => tf.Tensor): Compute =>
  () => {
    const inputs = makeInputs();
    const weigh = (y: tf.Tensor) => tf.sum(tf.mul(y, random(y.shape, 99)));
    return [f(...inputs), ...tf.grads((...xs: tf.Tensor[]) => weigh(f(...xs)))(inputs)];
  };

const length = fc.integer({ min: 1, max: 19 });
const check = (property: fc.IAsyncProperty<unknown[]>, numRuns = 60) =>
  fc.assert(property as never, { numRuns, seed: 11 });

describe.each([
  ['the kernels that this runtime takes', true],
  ['those without relaxed SIMD', false],
])('%s', (_, isRelaxed) => {
  beforeAll(async () => {
    const validate = vi.spyOn(WebAssembly, 'validate');
    if (!isRelaxed) validate.mockReturnValue(false);
    await startBackend('wasm', { kernels: 'stock' });
    await startBackend('wasm');
    validate.mockRestore();
  });

  describe('matMul', () => {
    const batches = fc.constantFrom<[number[], number[]]>(
      [[], []],
      [[3], [3]],
      [
        [2, 3],
        [2, 3],
      ],
      [[1], [4]],
      [[4], [1]],
      [
        [2, 1],
        [1, 3],
      ],
      [[3], [2, 1]],
      [[2, 3], []],
    );

    test('any batch, broadcast and transposition', () =>
      check(
        fc.asyncProperty(batches, length, length, length, fc.boolean(), fc.boolean(), (dims, m, n, k, ta, tb) => {
          const sizes = [ta ? [k, m] : [m, k], tb ? [n, k] : [k, n]];
          const product = (...batch: number[][]) => {
            const [a, b] = sizes.map((size, i) => random([...dims[i], ...size], i));
            const [left, right] = [a, b].map((x, i) =>
              batch.length ? tf.broadcastTo(x, [...batch[0], ...sizes[i]]) : x,
            );
            return tf.matMul(left, right, ta, tb);
          };
          // cpu itself mistakes batches that are both broadcast
          const whole = tf.broadcast_util.assertAndGetBroadcastShape(...dims);
          return expectSame(
            () => product(),
            1e-5,
            () => product(whole),
          );
        }),
      ));

    test.each([
      [197, 64, 197],
      [97, 513, 385],
      [13, 1030, 5],
      [200, 9, 1000],
    ])('sizes past one panel: %i x %i, k = %i', async (m, n, k) => {
      for (const [ta, tb] of [
        [false, false],
        [true, false],
        [false, true],
        [true, true],
      ]) {
        await expectSame(
          () => tf.matMul(random(ta ? [k, m] : [m, k], 1), random(tb ? [n, k] : [k, n], 2), ta, tb),
          1e-4,
        );
      }
    });

    test('without inner elements, all are zero', () => expectSame(() => tf.matMul(tf.zeros([3, 0]), tf.zeros([0, 5]))));

    test('an inner size that does not fit is refused', () => {
      expect(() => tf.matMul(random([2, 3]), random([4, 5]))).toThrow('inner shapes');
    });
  });

  describe('fused matMul', () => {
    test.each(['linear', 'relu', 'relu6', 'sigmoid', 'elu', 'leakyrelu'] as const)(
      '%s, batched, with bias',
      activation =>
        expectSame(() => {
          const [a, b, bias] = [random([2, 7, 200], 1), random([2, 11, 200], 2), random([11], 3)];
          return tf.fused.matMul({ a, b, transposeB: true, bias, activation, leakyreluAlpha: 0.1 });
        }),
    );

    test('the bias is added once, unlike in tfjs', async () => {
      await tf.setBackend('wasm');
      const a = tf.ones<tf.Rank.R3>([2, 1, 200]);
      const y = tf.fused.matMul({ a, b: tf.ones([2, 200, 2]), bias: tf.ones([2]) });
      expect([...(await y.data())]).toEqual([201, 201, 201, 201]);
    });
  });

  describe("core's ops and their gradients", () => {
    test('linear', () =>
      check(
        fc.asyncProperty(length, length, length, (rows, k, n) =>
          expectSame(withGradients(() => [random([2, rows, k], 1), random([k, n], 2), random([n], 3)], linear)),
        ),
      ));

    describe('linear with a weight in 8 bits', () => {
      /** The outputs of a layer and the gradient of its input, from rows of very different size. */
      const product =
        (rows: number, k: number, n: number, bias: boolean): Compute =>
        () => {
          const layer = initialize(new Linear(k, n, { bias }), key(1));
          layer.weight.quantize();
          layer.bias?.set(numbers(n, 3));
          const sizes = tf.tensor2d(
            Array.from({ length: rows }, (_, i) => 10 ** (i % 7)),
            [rows, 1],
          );
          const outputs = withGradients(
            () => [random([2, rows, k], 2)],
            x => layer.call(tf.div(tf.mul(x, sizes), 1000)),
          )();
          disposeModule(layer);
          return [outputs].flat().map(y => tf.div(y, tf.add(1, tf.max(tf.abs(y), -1, true))));
        };

      test('any size', () =>
        check(
          fc.asyncProperty(length, length, length, fc.boolean(), (rows, k, n, bias) =>
            expectSame(product(rows, k, n, bias)),
          ),
        ));

      test.each([
        [197, 192, 576],
        [97, 770, 33],
        [12, 33, 1000],
      ])('sizes of models: %i rows, [%i, %i]', (rows, k, n) => expectSame(product(rows, k, n, true)));
    });

    test('attention', () =>
      check(
        fc.asyncProperty(length, length, length, length, (n, m, d, e) =>
          expectSame(
            withGradients(
              () => [random([2, 3, n, d], 1), random([2, 3, m, d], 2), random([2, 3, m, e], 3)],
              (q, k, v) => attention(q, k, v, d ** -0.5),
            ),
          ),
        ),
      ));

    test.each([[[2, 3, 5, 7]], [[1, 3, 5, 7]], [[2, 1, 5, 7]], [[1, 1, 1, 7]], [[1, 3, 5, 1]]])(
      'attention with a bias of shape %j',
      biasShape =>
        expectSame(
          withGradients(
            () => [random([2, 3, 5, 4], 1), random([2, 3, 7, 4], 2), random([2, 3, 7, 6], 3), random(biasShape, 4)],
            (q, k, v, bias) => attention(q, k, v, 0.5, bias),
          ),
        ),
    );

    test('attention with masked keys', () =>
      expectSame(() => {
        const mask = tf.tensor4d([0, -1e9, 0, 0, -1e9, 0], [1, 1, 1, 6]);
        return attention(random([1, 2, 3, 4], 1), random([1, 2, 6, 4], 2), random([1, 2, 6, 4], 3), 3, mask);
      }));

    test('sums', () =>
      check(
        fc.asyncProperty(length, length, (rows, n) =>
          expectSame(
            withGradients(
              () => [random([rows, n], 1), random([rows, n], 2), random([n], 3)],
              (a, b, row) => tf.add(tf.add(a, b), row),
            ),
          ),
        ),
      ));

    test('layer norm', () =>
      check(
        fc.asyncProperty(length, fc.integer({ min: 2, max: 40 }), (rows, n) =>
          expectSame(
            withGradients(
              () => [random([rows, 2, n], 1), random([n], 2), random([n], 3)],
              (x, gamma, beta) => layerNorm(x, gamma, beta, 1e-6),
            ),
            1e-4,
          ),
        ),
      ));

    test.each(['none', 'tanh'] as const)('gelu, %s', approximation =>
      check(
        fc.asyncProperty(length, fc.constantFrom(1, 5, 30), (n, spread) =>
          expectSame(
            withGradients(
              () => [tf.mul(random([n, 3]), spread)],
              x => gelu(x, approximation),
            ),
          ),
        ),
      ),
    );

    test('softmax cross entropy', () =>
      check(
        fc.asyncProperty(length, fc.integer({ min: 2, max: 19 }), fc.constantFrom(1, 50), (rows, classes, spread) => {
          const labels = Int32Array.from({ length: rows }, (_, i) => i % classes);
          const loss = (x: tf.Tensor) => softmaxCrossEntropy(x, tf.tensor1d(labels, 'int32'), 0.1);
          return expectSame(withGradients(() => [tf.mul(random([rows, classes]), spread)], loss));
        }),
      ));
  });

  test('softmax', () =>
    check(
      fc.asyncProperty(length, length, fc.constantFrom(1, 100), (rows, n, spread) =>
        expectSame(
          withGradients(
            () => [tf.mul(random([rows, n]), spread)],
            x => tf.softmax(x),
          ),
        ),
      ),
    ));

  test.each([1, 3, 4, 5, 8, 11])('softmax of %i numbers, some or all of them minus infinity', async n => {
    await tf.setBackend('wasm');
    const some = Array.from({ length: n }, (_, i) => (i === 0 ? 2 : Number.NEGATIVE_INFINITY));
    const y = tf.softmax(tf.tensor2d([some, Array(n).fill(Number.NEGATIVE_INFINITY)]));
    const values = [...(await y.data())];
    expect(values.slice(0, n)).toEqual(some.map(value => (value === 2 ? 1 : 0)));
    expect(values.slice(n)).toEqual(Array(n).fill(Number.NaN));
    y.dispose();
  });

  /** erf by its Taylor series, in double precision; |x| below 4. */
  function erf(x: number): number {
    let [sum, term] = [x, x];
    for (let n = 1; n < 120; n++) {
      term *= -(x * x) / n;
      sum += term / (2 * n + 1);
    }
    return (2 / Math.sqrt(Math.PI)) * sum;
  }

  test('gelu is within 1e-6 of the exact one', async () => {
    await tf.setBackend('wasm');
    const points = Float32Array.from({ length: 10_001 }, (_, i) => (i - 5000) / 1000);
    const y = gelu(tf.tensor1d(points));
    const slopes = tf.grad((x: tf.Tensor) => tf.sum(gelu(x)))(tf.tensor1d(points));
    const [values, gradients] = [await y.data(), await slopes.data()];
    points.forEach((x, i) => {
      const cdf = (1 + erf(x / Math.SQRT2)) / 2;
      const pdf = Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI);
      expect(Math.abs(values[i] - x * cdf)).toBeLessThan(1e-6);
      expect(Math.abs(gradients[i] - cdf - x * pdf)).toBeLessThan(1e-6);
    });
  });

  describe('moves', () => {
    const shapes = fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 6 });
    const dtype = fc.constantFrom('float32' as const, 'int32' as const, 'bool' as const);
    const integers = (shape: number[], type: 'float32' | 'int32' | 'bool'): tf.Tensor =>
      tf.tensor(
        Array.from({ length: tf.util.sizeFromShape(shape) }, (_, i) => (type === 'bool' ? i % 2 : i)),
        shape,
        type,
      );

    test('transpose', () =>
      check(
        fc.asyncProperty(shapes, dtype, fc.infiniteStream(fc.nat(1000)), (shape, type, keys) => {
          const order = shape.map((_, axis) => ({ axis, key: keys.next().value as number }));
          const perm = order.sort((a, b) => a.key - b.key).map(({ axis }) => axis);
          return expectSame(() => tf.transpose(integers(shape, type), perm), 0);
        }),
        300,
      ));

    test.each([
      [
        [2, 17, 3, 8],
        [0, 2, 1, 3],
      ],
      [
        [2, 17, 3, 3, 8],
        [2, 0, 3, 1, 4],
      ],
      [
        [50, 33],
        [1, 0],
      ],
      [
        [3, 18, 31],
        [0, 2, 1],
      ],
    ])('transpose of %j by %j', (shape, perm) => expectSame(() => tf.transpose(integers(shape, 'float32'), perm), 0));

    test('slice, and its gradient', () =>
      check(
        fc.asyncProperty(shapes, fc.infiniteStream(fc.nat(1000)), (shape, draws) => {
          const begin = shape.map(n => (draws.next().value as number) % n);
          const size = shape.map((n, axis) => 1 + ((draws.next().value as number) % (n - begin[axis])));
          return expectSame(
            withGradients(
              () => [integers(shape, 'float32')],
              x => tf.slice(x, begin, size),
            ),
            0,
          );
        }),
        200,
      ));

    test('a slice out of bounds is refused', () => {
      expect(() => tf.slice(random([3, 4]), [1, 2], [2, 3])).toThrow();
    });

    test('concat and split, and their gradients', () =>
      check(
        fc.asyncProperty(shapes, fc.nat(1000), length, (shape, pick, extra) => {
          const axis = pick % shape.length;
          const other = shape.with(axis, extra);
          const join = (...xs: tf.Tensor[]) => tf.concat(xs, axis);
          const joined = withGradients(() => [random(shape, 1), random(other, 2), random(shape, 3)], join);
          const lengths = [extra, shape[axis]];
          const last = withGradients(
            () => [random(shape.with(axis, extra + shape[axis]), 4)],
            x => tf.split(x, lengths, axis)[1],
          );
          return expectSame(() => tf.tidy(() => [joined(), last()].flat()));
        }),
      ));

    test('unstack and stack, and their gradients', () =>
      check(
        fc.asyncProperty(shapes, fc.nat(1000), (shape, pick) => {
          const axis = (pick % (2 * shape.length)) - shape.length; // also counted from the end
          fc.pre(shape.at(axis) !== 1); // of which tfjs has no gradient
          const turn = (x: tf.Tensor) => tf.stack(tf.unstack(x, axis).reverse(), axis);
          return expectSame(withGradients(() => [random(shape)], turn));
        }),
      ));

    test('stack, by an axis before or after any', () =>
      check(
        fc.asyncProperty(shapes, dtype, fc.nat(1000), (shape, type, pick) => {
          const axis = (pick % (2 * shape.length + 2)) - shape.length - 1;
          return expectSame(() => tf.stack([integers(shape, type), integers(shape, type)], axis), 0);
        }),
      ));

    test('a cast, to the same dtype too', () =>
      check(
        fc.asyncProperty(shapes, dtype, dtype, (shape, from, to) => {
          fc.pre(to !== 'bool' || from === 'bool'); // which tfjs itself casts wrongly
          return expectSame(() => tf.add(0, tf.cast(integers(shape, from), to)), 0);
        }),
      ));

    test('gather, whose gradient is a segment sum', () =>
      check(
        fc.asyncProperty(fc.array(fc.nat(4), { minLength: 1, maxLength: 12 }), length, (indices, n) =>
          expectSame(
            withGradients(
              () => [random([5, n])],
              x => tf.gather(x, tf.tensor1d(indices, 'int32')),
            ),
          ),
        ),
      ));

    test('a segment sum ignores indices outside the segments', async () => {
      await tf.setBackend('wasm');
      const sum = tf.unsortedSegmentSum(tf.ones([4, 5]), tf.tensor1d([1, -1, 2, 1], 'int32'), 2);
      expect([...(await sum.data())]).toEqual([0, 0, 0, 0, 0, 2, 2, 2, 2, 2]);
    });
  });
});
