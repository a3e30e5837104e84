import { readFile } from 'node:fs/promises';
import { onnxEngine } from '@peft/compile';
import { test } from 'vitest';
import { run } from '../src/index.ts';
import { digitsInputs, digitsRecipes, expectNodeLosses } from './digits.ts';
import { collect } from './tiny.ts';

const read = async (url: URL): Promise<Uint8Array<ArrayBuffer>> => new Uint8Array(await readFile(url));

test.each(digitsRecipes)('the losses that browsers are held to are those of Node: $method', async recipe => {
  const engine = await onnxEngine({ threads: 1 });
  const { record } = await collect(run(recipe, { ...(await digitsInputs(read)), engine }));
  await engine.dispose();
  expectNodeLosses(recipe, record?.result.losses);
});
