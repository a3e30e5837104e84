import { join } from 'node:path';
import { startBackend } from '@peft/backends';
import { onnxEngine, onnxWebEngine } from '@peft/compile';
import { type Adapter, type Engine, eagerEngine, key, type Method, type MethodFactory } from '@peft/core';
import { loadAdapters, saveAdapters } from '@peft/core/node';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { difference, Interop } from './interop.ts';
import { pythonMissing } from './python.ts';

/** A method that Python peft has too. Names of cases are `vit/..` or `swin/..`, after the model. */
export interface PeftMethod {
  factory: MethodFactory;
  /** In `scripts`. */
  script: string;
  /** Named as in the script. */
  cases: readonly string[];
  /** Adapters that begin here, in forms that peft has too. */
  begun: Readonly<Record<string, Method>>;
  /** Whether peft merges it. */
  merges: boolean;
  /** A form that peft does not have, and what its refusal says. */
  refused?: { method: Method; message: RegExp };
}

/** The engines of this machine, each on its own backend. */
const engines: Record<string, () => Promise<Engine>> = {
  cpu: async () => eagerEngine(),
  async wasm() {
    await startBackend('wasm');
    return eagerEngine();
  },
  onnx: () => onnxEngine({ threads: 1 }),
  'onnx-web': () => onnxWebEngine({ threads: 1 }),
};

/** Moves every tensor away from its start. */
async function move(adapter: Adapter): Promise<void> {
  for (const [, parameter] of adapter.parameters()) {
    parameter.set((await parameter.get()).map((value, i) => value + 0.1 * Math.cos(i * i + 1)));
  }
}

/** Tests that adapters mean the same here and in Python peft: read, merged, trained and written. */
export function testAgainstPeft(title: string, { factory, script, cases, begun, merges, refused }: PeftMethod): void {
  const skipped = pythonMissing ? ` (skipped: ${pythonMissing})` : '';
  describe.skipIf(pythonMissing)(`${title} against Python peft${skipped}`, () => {
    let interop: Interop;
    beforeAll(() => {
      interop = new Interop(script);
    });
    afterAll(() => interop.dispose());

    test.each(cases)('%s: what Python wrote gives its logits and trains as there', async name => {
      const theirs = interop.theirs(name);
      const model = await interop.open(name);
      await loadAdapters(model, join(interop.folder, name, 'theirs'), [factory]);
      expect(difference(await interop.logits(model), theirs.logits)).toBeLessThan(1e-4);
      if (merges) {
        model.merge();
        expect(difference(await interop.logits(model), theirs.logits)).toBeLessThan(1e-4);
        model.unmerge();
      }
      expect(difference(await interop.trainTwelve(model), theirs.losses)).toBeLessThan(1e-4);
      expect(difference(await interop.logits(model), theirs.trained)).toBeLessThan(1e-3);
      await saveAdapters(model, join(interop.folder, name, 'ours'));
    });

    test('what was written here loads in Python with no warning and gives the same logits', async () => {
      const expected = new Map<string, Float32Array>();
      for (const [name, method] of Object.entries(begun)) {
        const model = await interop.open(name);
        await move(await model.add('default', method, { key: key(1) }));
        await saveAdapters(model, join(interop.folder, name, 'ours'));
        expected.set(`${name}/ours`, await interop.logits(model));
      }
      for (const name of cases) {
        const model = await interop.open(name);
        await loadAdapters(model, join(interop.folder, name, 'ours'), [factory]);
        expected.set(`${name}/ours`, await interop.logits(model));
      }
      interop.check();
      for (const [path, ours] of expected) {
        const { logits, merged } = interop.checked(path);
        expect(difference(ours, logits), path).toBeLessThan(1e-4);
        expect(merged !== undefined, path).toBe(merges);
        if (merged) expect(difference(ours, merged), path).toBeLessThan(1e-4);
      }
    });

    test('what every engine has trained gives the losses of Python, loads there, and gives the same logits', async () => {
      const expected = new Map<string, Float32Array>();
      const trained = ['vit', 'swin'].flatMap(model => cases.find(name => name.startsWith(`${model}/`)) ?? []);
      for (const [engineName, start] of Object.entries(engines)) {
        for (const name of trained) {
          await tf.setBackend('cpu');
          const model = await interop.open(name);
          await loadAdapters(model, join(interop.folder, name, 'theirs'), [factory]);
          const engine = await start();
          const losses = await interop.trainTwelve(model, engine);
          expect(difference(losses, interop.theirs(name).losses), `${name} ${engineName}`).toBeLessThan(1e-4);
          await saveAdapters(model, join(interop.folder, name, `by-${engineName}`));
          expected.set(`${name}/by-${engineName}`, await interop.logits(model));
          await engine.dispose();
        }
      }
      await tf.setBackend('cpu');
      interop.check('*/*/by-*');
      for (const [path, ours] of expected) {
        expect(difference(ours, interop.checked(path).logits), path).toBeLessThan(1e-4);
      }
    });

    if (!refused) return;
    test('Python refuses a form that it does not have', async () => {
      const model = await interop.open('vit/refused');
      await model.add('default', refused.method, { key: key(1) });
      await saveAdapters(model, join(interop.folder, 'vit/refused/form'));
      expect(() => interop.check('vit/refused/form')).toThrow(refused.message);
    });
  });
}
