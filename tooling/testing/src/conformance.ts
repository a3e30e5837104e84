import {
  type AdaptedModel,
  type Adapter,
  adapt,
  attachAdapterFolder,
  key,
  type MethodFactory,
  type Parameter,
  parameters,
  readAdapterFolder,
  valueAndGrads,
  writeAdapterFolder,
} from '@peft/core';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, test } from 'vitest';
import { difference, input, type Net, network, run } from './net.ts';

export interface ConformanceCase<Options> {
  name: string;
  /** Targets are modules of {@link Net}: `qkv`, with slices q, k and v, and `out`. */
  options: Options;
  /** Whether it folds into the base weights. */
  mergeable: boolean;
  /** Whether Python peft could read its files: then they must do without `peft.json`. */
  portable: boolean;
  /** Holds a term constant in its gradient on purpose, so that finite differences cannot agree. */
  detaches?: boolean;
}

/** A network with an adapter whose every trained tensor has moved away from its start. */
export async function movedAdapter<Options>(
  factory: MethodFactory<Options>,
  options: Options,
): Promise<{ model: AdaptedModel; adapter: Adapter }> {
  const model = adapt(network());
  const adapter = await model.add('default', factory(options), { key: key(3) });
  for (const [, parameter] of adapter.parameters()) {
    if (!parameter.fixed) parameter.set((await parameter.get()).map((value, i) => value + 0.2 * Math.cos(i + 1)));
  }
  return { model, adapter };
}

const loss = (model: AdaptedModel): tf.Scalar => tf.sum(tf.square(model.call(input()))) as tf.Scalar;

async function lossValue(model: AdaptedModel): Promise<number> {
  const value = tf.tidy(() => loss(model));
  const [number] = await value.data();
  value.dispose();
  return number;
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
  const step = 1e-2;
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
 */
export function conformance<Options>(factory: MethodFactory<Options>, cases: ConformanceCase<Options>[]): void {
  describe.each(cases)(`${factory.type} conforms: $name`, ({ options, mergeable, portable, detaches }) => {
    test('it changes nothing at the start, and starts the same from the same key', async () => {
      const base = network();
      const before = await run(base);
      const models = [adapt(base), adapt(network())];
      for (const model of models) await model.add('default', factory(options), { key: key(3) });
      const [first, second] = await Promise.all(models.map(run));
      expect(difference(first, before)).toBeLessThan(2e-6);
      expect(second).toEqual(first);
    });

    test('disabled, the base is exact; detached, it is pristine', async () => {
      const before = await run(network());
      const { model } = await movedAdapter(factory, options);
      expect(difference(await run(model), before)).toBeGreaterThan(1e-3);
      model.enabled = false;
      expect(await run(model)).toEqual(before);
      model.enabled = true;
      model.detach('default');
      expect(await run(model)).toEqual(before);
      const { qkv, out } = model.base as Net;
      expect([qkv.isPristine, out.isPristine]).toEqual([true, true]);
    });

    test.runIf(mergeable)('it merges, and unmerges bit by bit', async () => {
      const { model } = await movedAdapter(factory, options);
      const adapted = await run(model);
      const weight = await (model.base as Net).qkv.weight.get();
      model.merge();
      expect(difference(await run(model), adapted)).toBeLessThan(5e-5);
      model.unmerge();
      expect(await (model.base as Net).qkv.weight.get()).toEqual(weight);
      expect(await run(model)).toEqual(adapted);
    });

    test.runIf(!mergeable)('it refuses to merge, with the reason, and changes nothing', async () => {
      const { model } = await movedAdapter(factory, options);
      const adapted = await run(model);
      expect(() => model.merge()).toThrow(/cannot be merged: \S/);
      expect(await run(model)).toEqual(adapted);
    });

    test('it is the same after a round trip through its files', async () => {
      const { model } = await movedAdapter(factory, options);
      const files = await writeAdapterFolder(model);
      const again = adapt(network());
      await attachAdapterFolder(again, readAdapterFolder(files, 'folder', [factory]));
      expect(await run(again)).toEqual(await run(model));
      const reread = await writeAdapterFolder(again);
      expect(reread['adapter_model.safetensors']).toEqual(files['adapter_model.safetensors']);
    });

    test.runIf(portable)('it is the same read as peft would, without peft.json', async () => {
      const { model } = await movedAdapter(factory, options);
      const { 'peft.json': _, ...files } = await writeAdapterFolder(model);
      const again = adapt(network());
      await attachAdapterFolder(again, readAdapterFolder(files, 'folder', [factory]));
      expect(difference(await run(again), await run(model))).toBeLessThan(1e-5);
    });

    test('every trained tensor learns, by the gradient that finite differences give', async () => {
      const { model } = await movedAdapter(factory, options);
      for (const [path, parameter, gradient] of await gradients(model)) {
        const largest = gradient.reduce((best, value, i) => (Math.abs(value) > Math.abs(gradient[best]) ? i : best), 0);
        expect(Math.abs(gradient[largest]), path).toBeGreaterThan(0);
        if (detaches) continue;
        const numeric = await finiteDifference(model, parameter, largest);
        expect(Math.abs(numeric - gradient[largest]) / (1 + Math.abs(numeric)), path).toBeLessThan(2e-2);
      }
    });

    test('it leaves no tensor behind', async () => {
      const before = tf.memory().numTensors;
      const base = network();
      const model = adapt(base);
      await model.add('default', factory(options), { key: key(3) });
      await run(model);
      await gradients(model);
      model.dispose();
      expect(tf.memory().numTensors - before).toBe([...parameters(base)].length);
    });
  });
}
