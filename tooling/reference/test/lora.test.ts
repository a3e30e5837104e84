import { join } from 'node:path';
import { key } from '@peft/core';
import { loadAdapters, saveAdapters } from '@peft/core/node';
import { lora } from '@peft/lora';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { difference, Interop } from '../src/interop.ts';
import { pythonMissing } from '../src/python.ts';

/** Named as in `scripts/lora_interop.py`. */
const cases = ['plain', 'head', 'rslora-patterns', 'regex', 'dora', 'bias-all', 'bias-adapted', 'pissa'];

describe.skipIf(pythonMissing)(`LoRA against Python peft${pythonMissing ? ` (skipped: ${pythonMissing})` : ''}`, () => {
  let interop: Interop;
  beforeAll(() => {
    interop = new Interop('lora_interop.py');
  });
  afterAll(() => interop.dispose());

  test.each(cases)('%s: what Python wrote gives its logits, merged too, and trains as there', async name => {
    const theirs = interop.theirs(name);
    const model = await interop.open();
    await loadAdapters(model, join(interop.folder, name, 'theirs'), [lora]);
    expect(difference(await interop.logits(model), theirs.logits)).toBeLessThan(1e-4);
    model.merge();
    expect(difference(await interop.logits(model), theirs.logits)).toBeLessThan(1e-4);
    model.unmerge();
    expect(difference(await interop.trainTwelve(model), theirs.losses)).toBeLessThan(1e-4);
    expect(difference(await interop.logits(model), theirs.trained)).toBeLessThan(1e-3);
    await saveAdapters(model, join(interop.folder, name, 'ours'));
  });

  test('what was written here loads in Python with no warning and gives the same logits', async () => {
    const slices = await interop.open();
    const options = { targets: ['attn.qkv[q,v]', 'fc1'], r: 3, alpha: 5, modulesToSave: ['head'] };
    const adapter = await slices.add('default', lora(options), { key: key(1) });
    for (const { B } of adapter.plan.bySite) B.set((await B.get()).map((_, i) => 0.1 * Math.sin(i)));
    await saveAdapters(slices, join(interop.folder, 'plain', 'ours-slices'));
    const expected = new Map([['plain/ours-slices', await interop.logits(slices)]]);
    for (const name of cases) {
      const model = await interop.open();
      await loadAdapters(model, join(interop.folder, name, 'ours'), [lora]);
      expected.set(`${name}/ours`, await interop.logits(model));
    }
    interop.check();
    for (const [path, ours] of expected) {
      const { logits, merged } = interop.checked(path);
      expect(difference(ours, logits), path).toBeLessThan(1e-4);
      expect(difference(ours, merged!), path).toBeLessThan(1e-4);
    }
  });
});
