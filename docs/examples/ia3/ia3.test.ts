import { readFileSync } from 'node:fs';
import { onnxEngine } from '@peft/compile';
import { adapt, key } from '@peft/core';
import { conformance, difference, type Net, network, run } from '@peft/testing';
import { expect, test } from 'vitest';
import { type Ia3Options, ia3 } from './ia3.ts';

test('the guide shows this very method', () => {
  const guide = readFileSync(new URL('../../writing-a-method.md', import.meta.url), 'utf8');
  const [, shown] = guide.match(/```ts title=ia3\.ts\n(.*?)```/s) ?? [];
  expect(shown).toBe(readFileSync(new URL('./ia3.ts', import.meta.url), 'utf8'));
});

test('each output is multiplied by its number, the bias is not', async () => {
  const model = adapt(network());
  const [plain, bias] = [await run(model), await (model.base as Net).head.bias!.get()];
  const adapter = await model.add('default', ia3({ targets: ['head'] }), { key: key(0) });
  const l = [2, -0.5];
  adapter.plan.byTarget[0].parameters.l.set(Float32Array.from(l));
  const expected = plain.map((y, i) => (y - bias[i % 2]) * l[i % 2] + bias[i % 2]);
  expect(difference(await run(model), expected)).toBeLessThan(1e-5);
});

const onBackbones = { targets: ['attn.qkv[k,v]', 'mlp.fc2'], modulesToSave: ['head'] };
conformance(
  ia3,
  [
    { name: 'whole modules', options: { targets: ['qkv', 'out'] } },
    { name: 'slices', options: { targets: ['qkv[q,v]'] }, onBackbones },
    { name: 'a head of its own', options: { targets: ['qkv'], modulesToSave: ['head'] } },
  ].map(one => ({ ...one, mergeable: true, portable: false })),
  { engine: () => onnxEngine({ threads: 1 }) },
);

test('an option that does not exist is named', () => {
  const options: object = { targets: ['qkv'], scale: 2 };
  expect(() => ia3(options as Ia3Options)).toThrow('ia3 has no option "scale"');
});
