import { join } from 'node:path';
import { type Adapter, key, type Method } from '@peft/core';
import { loadAdapters, saveAdapters } from '@peft/core/node';
import { lily } from '@peft/lily';
import { neat } from '@peft/neat';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { difference, Interop } from '../src/interop.ts';
import { pythonMissing } from '../src/python.ts';

/** Named as in `scripts/neat_lily_interop.py`. */
const neats = ['neat', 'neat-all', 'neat-deeper', 'neat-deepest', 'neat-linear'];
const lilies = ['lily', 'lily-shared', 'lily-expression', 'lily-all'];
const cases = [...neats, ...lilies];

/** Adapters that begin here, in forms that peft has too. */
const whole = ['qkv', 'attn.proj', 'fc1', 'fc2'];
const ours: Record<string, Method> = {
  'neat/ours-new': neat({ targets: whole, r: 3, pairs: 2, act: 'gelu', scale: 2, modulesToSave: ['head'] }),
  'lily/ours-new': lily({ targets: whole, r: 3, nA: 1, nB: 3, mixing: 'batch', modulesToSave: ['head'] }),
  'lily/ours-uniform': lily({ targets: ['fc1', 'qkv'], r: 4, stride: 2, mixing: 'uniform' }),
  'lily/ours-all-linear': lily({ targets: 'all-linear', exclude: ['patch_embed.proj'], r: 2, mixing: 'batch' }),
};

/** Moves every tensor away from its start. */
async function move(adapter: Adapter): Promise<void> {
  for (const [, parameter] of adapter.parameters()) {
    parameter.set((await parameter.get()).map((value, i) => value + 0.1 * Math.cos(i * i + 1)));
  }
}

const title = `NEAT and Lily against Python peft${pythonMissing ? ` (skipped: ${pythonMissing})` : ''}`;
describe.skipIf(pythonMissing)(title, () => {
  let interop: Interop;
  beforeAll(() => {
    interop = new Interop('neat_lily_interop.py');
  });
  afterAll(() => interop.dispose());

  test.each(cases)('%s: what Python wrote gives its logits and trains as there', async name => {
    const theirs = interop.theirs(name);
    const model = await interop.open();
    await loadAdapters(model, join(interop.folder, name, 'theirs'), [neat, lily]);
    expect(difference(await interop.logits(model), theirs.logits)).toBeLessThan(1e-4);
    if (neats.includes(name)) {
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
    for (const [path, method] of Object.entries(ours)) {
      const model = await interop.open();
      await move(await model.add('default', method, { key: key(1) }));
      await saveAdapters(model, join(interop.folder, path));
      expected.set(path, await interop.logits(model));
    }
    for (const name of cases) {
      const model = await interop.open();
      await loadAdapters(model, join(interop.folder, name, 'ours'), [neat, lily]);
      expected.set(`${name}/ours`, await interop.logits(model));
    }
    interop.check();
    for (const [path, logits] of expected) {
      const checked = interop.checked(path);
      expect(difference(logits, checked.logits), path).toBeLessThan(1e-4);
      if (path.startsWith('neat')) expect(difference(logits, checked.merged!), path).toBeLessThan(1e-4);
    }
  });

  test.each<[string, Method]>([
    ['neat', neat({ targets: ['attn.qkv[q,v]'], r: 3 })],
    ['lily', lily({ targets: ['attn.qkv[k,v]'], r: 3 })],
  ])('Python refuses %s of slices, which it has no form for', async (name, method) => {
    const model = await interop.open();
    await model.add('default', method, { key: key(1) });
    await saveAdapters(model, join(interop.folder, name, 'slices'));
    expect(() => interop.check(`${name}/slices`)).toThrow(/NEAT|LILY_EXTENDED/);
  });
});
