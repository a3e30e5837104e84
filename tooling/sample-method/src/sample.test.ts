import { onnxEngine } from '@peft/compile';
import { adapt, key } from '@peft/core';
import { conformance, difference, type Net, network, run } from '@peft/testing';
import { expect, test } from 'vitest';
import { type SampleOptions, sample } from './index.ts';

/** What it records is the same on every backend. */
const engine = process.env.PEFT_BACKEND === 'cpu' ? () => onnxEngine({ threads: 1 }) : undefined;
const onBackbones = { targets: ['attn.qkv[k,v]', 'mlp.fc2'], modulesToSave: ['head'] };
conformance(
  sample,
  [
    { name: 'whole modules, scaled', options: { targets: ['qkv', 'out'], scale: 0.5 } },
    { name: 'slices', options: { targets: ['qkv[q,v]'] }, onBackbones },
    { name: 'a head of its own', options: { targets: ['qkv'], modulesToSave: ['head'] } },
  ].map(one => ({ ...one, mergeable: true, portable: false, exact: true })),
  { engine },
);

test('each output grows by its number times the scale, the bias does not', async () => {
  const model = adapt(network());
  const [plain, bias] = [await run(model), await (model.base as Net).head.bias!.get()];
  const adapter = await model.add('default', sample({ targets: ['head'], scale: 2 }), { key: key(0) });
  const g = [0.5, -1];
  adapter.plan.byTarget[0].parameters.g.set(Float32Array.from(g));
  const expected = plain.map((y, i) => y + 2 * g[i % 2] * (y - bias[i % 2]));
  expect(difference(await run(model), expected)).toBeLessThan(1e-5);
});

test.each<[SampleOptions, string]>([
  [{ targets: ['qkv'], rank: 2 } as SampleOptions, 'sample has no option "rank"'],
  [{ targets: ['qkv'], scale: Number.NaN }, 'sample: scale is NaN; it must be a number.'],
])('%j is refused', (options, message) => {
  expect(() => sample(options)).toThrow(message);
});
