import {
  type AdaptedModel,
  type Adapter,
  adapt,
  attachAdapterFolder,
  key,
  type MethodFactory,
  type Module,
  modules,
  type Parameter,
  parameters,
  readAdapterFolder,
  valueAndGrads,
  writeAdapterFolder,
} from '@peft/core';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, test } from 'vitest';
import { difference, input, network as net, run } from './net.ts';

export interface ConformanceCase<Options> {
  name: string;
  /** Targets are modules of the network: of {@link Net}, `qkv`, with slices q, k and v, and `out`. */
  options: Options;
  /** Whether it folds into the base weights. */
  mergeable: boolean;
  /** Whether Python peft could read its files: then they must do without `peft.json`. */
  portable: boolean;
  /** Rounds nothing: it starts bit by bit as the base, and is bit by bit the same without `peft.json`. */
  exact?: boolean;
  /** Holds a term constant in its gradient on purpose, so that finite differences cannot agree. */
  detaches?: boolean;
}

/** A network with an adapter whose every trained tensor has moved away from its start. */
export async function movedAdapter<Options>(
  factory: MethodFactory<Options>,
  options: Options,
  network: () => Module = net,
): Promise<{ model: AdaptedModel; adapter: Adapter }> {
  const model = adapt(network());
  const adapter = await model.add('default', factory(options), { key: key(3) });
  for (const [, parameter] of adapter.parameters()) {
    if (!parameter.fixed) parameter.set((await parameter.get()).map((value, i) => value + 0.5 * Math.cos(i * i + 1)));
  }
  return { model, adapter };
}

const loss = (model: AdaptedModel): tf.Scalar => tf.sum(tf.square(model.call(input()))) as tf.Scalar;

/** The same, summed in double precision, which leaves finite differences less noise. */
const lossValue = async (model: AdaptedModel): Promise<number> => (await run(model)).reduce((sum, y) => sum + y * y, 0);

/** The frozen weights by path. */
async function weights({ base }: AdaptedModel): Promise<Record<string, Float32Array>> {
  const entries = [...parameters(base)].map(async ([path, parameter]) => [path, await parameter.get()] as const);
  return Object.fromEntries(await Promise.all(entries));
}

/** The gradient of {@link loss} by each trainable parameter. */
async function gradients(model: AdaptedModel): Promise<[string, Parameter, Float32Array][]> {
  const trainable = [...model.trainable()];
  const { value, grads } = valueAndGrads(
    () => loss(model),
    trainable.map(([, parameter]) => parameter.value),
  );
  value.dispose();
  return Promise.all(
    trainable.map(async ([path, parameter], i): Promise<[string, Parameter, Float32Array]> => {
      const grad = grads[i];
      const values = grad ? Float32Array.from(await grad.data()) : new Float32Array(parameter.size);
      grad?.dispose();
      return [path, parameter, values];
    }),
  );
}

/** The derivative of the loss by one element, by central differences. */
async function finiteDifference(model: AdaptedModel, parameter: Parameter, element: number): Promise<number> {
  const step = 3e-3; // small, so that few kinks of a ReLU lie within
  const start = await parameter.get();
  const at = async (delta: number): Promise<number> => {
    parameter.set(start.map((value, i) => (i === element ? value + delta : value)));
    return lossValue(model);
  };
  const slope = ((await at(step)) - (await at(-step))) / (2 * step);
  parameter.set(start);
  return slope;
}

/**
 * What every method must do, whoever wrote it: tests for vitest, on the backend that is current.
 *
 * ```ts
 * conformance(lora, [{ name: 'plain', options: { targets: ['qkv'], r: 2 }, mergeable: true, portable: true }]);
 * ```
 *
 * @param network makes the same network each time, for inputs `[2, 3, 5]`: one of the author's own where {@link Net} lacks
 * what the method adapts, such as several layers to share a tensor
 * @param others the factories of methods that it is given to act on
 */
export function conformance<Options>(
  factory: MethodFactory<Options>,
  cases: ConformanceCase<Options>[],
  network: () => Module = net,
  others: readonly MethodFactory[] = [],
): void {
  describe.each(cases)(`${factory.type} conforms: $name`, ({ options, mergeable, portable, exact, detaches }) => {
    test('it changes nothing at the start, and starts the same from the same key', async () => {
      const base = network();
      const before = await run(base);
      const models = [adapt(base), adapt(network())];
      for (const model of models) await model.add('default', factory(options), { key: key(3) });
      const [first, second] = await Promise.all(models.map(model => run(model)));
      expect(difference(first, before)).toBeLessThanOrEqual(exact ? 0 : 2e-6);
      expect(second).toEqual(first);
    });

    test('disabled, the base is exact; detached, it is pristine', async () => {
      const before = await run(network());
      const { model } = await movedAdapter(factory, options, network);
      expect(difference(await run(model), before)).toBeGreaterThan(1e-3);
      model.enabled = false;
      expect(await run(model)).toEqual(before);
      model.enabled = true;
      model.detach('default');
      expect(await run(model)).toEqual(before);
      expect([...modules(model.base)].filter(([, module]) => !module.isPristine)).toEqual([]);
    });

    test.runIf(mergeable)('it merges, and unmerges bit by bit', async () => {
      const { model } = await movedAdapter(factory, options, network);
      const adapted = await run(model);
      const frozen = await weights(model);
      model.merge();
      expect(await weights(model)).not.toEqual(frozen);
      expect(difference(await run(model), adapted)).toBeLessThan(2e-5);
      model.unmerge();
      expect(await weights(model)).toEqual(frozen);
      expect(await run(model)).toEqual(adapted);
    });

    test.runIf(!mergeable)('it refuses to merge, with the reason, and changes nothing', async () => {
      const { model } = await movedAdapter(factory, options, network);
      const adapted = await run(model);
      expect(() => model.merge()).toThrow(/cannot be merged: \S/);
      expect(await run(model)).toEqual(adapted);
    });

    test('it is the same after a round trip through its files', async () => {
      const { model } = await movedAdapter(factory, options, network);
      const files = await writeAdapterFolder(model, { backbone: 'net' });
      const again = adapt(network());
      await attachAdapterFolder(again, readAdapterFolder(files, 'folder', [factory, ...others]));
      expect(again.get('default').method.config).toEqual(model.get('default').method.config);
      expect(await run(again)).toEqual(await run(model));
      expect(await writeAdapterFolder(again, { backbone: 'net' })).toEqual(files);
    });

    test.runIf(portable)('it is the same read as peft would, without peft.json', async () => {
      const { model } = await movedAdapter(factory, options, network);
      const { 'peft.json': _, ...files } = await writeAdapterFolder(model);
      const again = adapt(network());
      await attachAdapterFolder(again, readAdapterFolder(files, 'folder', [factory, ...others]));
      expect(difference(await run(again), await run(model))).toBeLessThanOrEqual(exact ? 0 : 1e-5);
    });

    test('every trained tensor learns, by the gradient that finite differences give', async () => {
      const { model } = await movedAdapter(factory, options, network);
      for (const [path, parameter, gradient] of await gradients(model)) {
        const sizes = gradient.map(Math.abs);
        const scale = Math.max(...sizes);
        expect(scale, path).toBeGreaterThan(1e-4);
        if (detaches) continue;
        for (const i of new Set([0, sizes.indexOf(scale), gradient.length - 1])) {
          const numeric = await finiteDifference(model, parameter, i);
          expect(Math.abs(numeric - gradient[i]), `${path}[${i}]`).toBeLessThan(0.02 * scale + 2e-4);
        }
      }
    });

    test('it leaves no tensor behind', async () => {
      const before = tf.memory().numTensors;
      const base = network();
      const model = adapt(base);
      await model.add('default', factory(options), { key: key(3) });
      await run(model);
      await gradients(model);
      if (mergeable) {
        model.merge();
        model.unmerge();
      }
      model.dispose();
      expect(tf.memory().numTensors - before).toBe([...parameters(base)].length);
    });
  });
}
