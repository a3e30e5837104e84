import { readFileSync, rmSync, statSync } from 'node:fs';
import { afterAll, expect, test } from 'vitest';
import { Scratch } from './peft.ts';

const scratch = new Scratch();
const at = (...parts: string[]): string => scratch.at(...parts);
afterAll(() => rmSync(scratch.folder, { recursive: true }));

const pico = ['--backbone', 'pico-vit'];
const recipe = ['--data', 'mnist', '--steps', '12', '--batch', '16', '--no-shuffle'];

interface Kept {
  readonly recipe: { readonly frozenDtype: string };
  readonly result: { readonly losses: number[]; readonly metrics: { readonly accuracy: number } };
}

async function trained(name: string, ...argv: string[]): Promise<Kept> {
  await scratch.json('train', ...pico, ...recipe, ...argv, '--out', at(name));
  return JSON.parse(readFileSync(at(name, 'run.json'), 'utf8')) as Kept;
}

test.each(['int8', 'int4'])(
  'a file in %s trains as the weights that it was made of do when they are kept so',
  async dtype => {
    const file = at(`${dtype}.safetensors`);
    const written = await scratch.json('quantize', ...pico, '--frozen-dtype', dtype, '--out', file);
    expect(written).toMatchObject({ bytes: statSync(file).size, dtype });
    const { error } = written as { error: number };
    expect(error).toBeGreaterThan(dtype === 'int8' ? 0.003 : 0.05);
    expect(error).toBeLessThan(dtype === 'int8' ? 0.02 : 0.2);

    const [kept, filed, full] = [
      await trained(`${dtype}-kept`, '--frozen-dtype', dtype),
      await trained(`${dtype}-filed`, '--weights', file),
      await trained(`${dtype}-full`),
    ];
    expect([kept.recipe.frozenDtype, filed.recipe.frozenDtype, full.recipe.frozenDtype]).toEqual([dtype, dtype, 'f32']);
    const far = (one: Kept, other: Kept): number =>
      Math.max(...one.result.losses.map((loss, i) => Math.abs(loss / other.result.losses[i] - 1)));
    expect(far(filed, kept)).toBeLessThan(0.02); // embeddings are rounded in the file
    expect(far(kept, full)).toBeGreaterThan(0);
    expect(far(kept, full)).toBeLessThan(dtype === 'int8' ? 0.05 : 0.5);
  },
);

test('an adapter is evaluated on weights kept as it was trained on, and on others with a word', async () => {
  const run = await trained('adapter', '--frozen-dtype', 'int8');
  const evaluated = ['eval', '--adapter', at('adapter'), '--data', 'mnist'];
  const answer = (await scratch.json(...evaluated)) as { accuracy: number };
  expect(answer.accuracy).toBe(run.result.metrics.accuracy);
  const { status, stderr } = await scratch.peft(...evaluated, '--frozen-dtype', 'f32');
  expect(status).toBe(0);
  expect(stderr).toContain("was trained with the backbone's linear weights in int8; here they are in float32");

  const merged = await scratch.json<{ maxAbsDiff: number }>('merge', '--adapter', at('adapter'), '--out', at('merged'));
  expect(merged.maxAbsDiff).toBeGreaterThan(0);
  const again = ['eval', '--backbone', at('merged'), '--data', 'mnist'];
  const { accuracy } = await scratch.json<{ accuracy: number }>(...again);
  expect(Math.abs(accuracy - answer.accuracy)).toBeLessThan(0.05);

  const sizes: number[] = [];
  for (const dtype of ['int8', 'f32']) {
    const file = at(`${dtype}.onnx`);
    await scratch.json('export', '--adapter', at('adapter'), '--frozen-dtype', dtype, '--out', file);
    sizes.push(statSync(file).size);
  }
  expect(sizes[0]).toBeLessThan(sizes[1]);
});

test('what cannot be quantized is refused', async () => {
  const refused = async (...argv: string[]): Promise<string> => {
    const { status, stderr } = await scratch.peft(...argv);
    expect(status).not.toBe(0);
    return stderr;
  };
  expect(await refused('quantize', ...pico, '--frozen-dtype', 'f16', '--out', at('no'))).toContain('give int8 or int4');
  expect(await refused('quantize', ...pico, '--out', at('no'))).toContain('--frozen-dtype');
  const file = at('again.safetensors');
  await scratch.json('quantize', ...pico, '--frozen-dtype', 'int8', '--out', file);
  const again = ['quantize', ...pico, '--weights', file, '--frozen-dtype', 'int4', '--out', at('no')];
  expect(await refused(...again)).toContain('is quantized already');
});
