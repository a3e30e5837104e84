import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openBackbone } from '@peft/backbones/node';
import { adapt } from '@peft/core';
import { loadAdapters } from '@peft/core/node';
import { evalTransform } from '@peft/data';
import { readPicture } from '@peft/data/node';
import { lora } from '@peft/lora';
import { run } from '@peft/run';
import { folderStore, openInputs } from '@peft/run/node';
import { paintDigits, startMain, temporaryFolder } from '@peft/run-example';
import * as tf from '@tensorflow/tfjs-core';
import { expect, test } from 'vitest';

/** The probability of each class of a picture, by an adapter that is alone on a base of its own. */
async function alone(folder: string, path: string): Promise<number[]> {
  const { model: vit, preprocessing } = await openBackbone('pico-vit', { classes: 3 });
  const model = adapt(vit);
  await loadAdapters(model, folder, [lora]);
  const data = evalTransform(preprocessing).apply(await readPicture(path), 0);
  return [...tf.tidy(() => tf.softmax(model.call(tf.tensor(data, [1, 32, 32, 3]))).dataSync())];
}

/** Trains an adapter a few steps, from a seed of its own. */
async function train(folder: string, data: string, seed: number): Promise<void> {
  const recipe = { backbone: 'pico-vit', data, method: 'lora', lr: 1e-2, steps: 8, batch: 8, seed };
  const inputs = await openInputs(recipe);
  for await (const event of run(recipe, { ...inputs, store: folderStore(folder) }))
    if (event.type === 'done') expect(event.record.result.losses).toHaveLength(8);
  await inputs.close();
}

test('one base answers with the adapter of each request', async () => {
  const folder = await temporaryFolder();
  const pictures = join(folder, 'pictures');
  await paintDigits(pictures, 3, { train: 24, test: 4 });
  for (const [name, seed] of [
    ['first', 1],
    ['second', 2],
  ] as const)
    await train(join(folder, 'adapters', name), pictures, seed);
  const paths = (
    await Promise.all(
      ['0', '1', '2'].map(async digit => {
        const files = await readdir(join(pictures, 'test', digit));
        return files.slice(0, 4).map(file => join(pictures, 'test', digit, file));
      }),
    )
  ).flat();
  const bodies = await Promise.all(paths.map(path => readFile(path)));

  const line = await startMain(import.meta.url, join(folder, 'adapters'), '0');
  const url = /^first, second at (\S+)$/.exec(line)?.[1];
  const predict = async (adapter: string, body: Buffer): Promise<[number, string]> => {
    const response = await fetch(`${url}/predict/${adapter}`, { method: 'POST', body: Uint8Array.from(body) });
    return [response.status, await response.text()];
  };

  const requests = bodies.slice(0, 10).flatMap(
    body =>
      [
        ['first', body],
        ['second', body],
      ] as const,
  );
  const together = await Promise.all(requests.map(request => predict(request[0], request[1])));
  const inTurn: [number, string][] = [];
  for (const request of requests) inTurn.push(await predict(request[0], request[1]));
  expect(together).toEqual(inTurn);
  expect(together.every(([status]) => status === 200)).toBe(true);
  expect(together[0]).not.toEqual(together[1]); // the adapters differ
  const { label, probabilities } = JSON.parse(together[0][1]);
  expect(Object.keys(probabilities)).toEqual(['0', '1', '2']);
  for (const [i, name] of ['first', 'second'].entries()) {
    const expected = await alone(join(folder, 'adapters', name), paths[0]);
    const answered = Object.values<number>(JSON.parse(together[i][1]).probabilities);
    for (const [k, p] of answered.entries()) expect(p).toBeCloseTo(expected[k], 4);
  }
  expect(Math.max(...Object.values<number>(probabilities))).toBe(probabilities[label]);

  expect(await predict('third', bodies[0])).toEqual([
    404,
    JSON.stringify({ error: 'There is no adapter "third"; there are first, second.' }),
  ]);
  const [status, text] = await predict('first', Buffer.from('no picture'));
  expect(status).toBe(400);
  expect(JSON.parse(text).error).toContain('The body cannot be decoded');
  expect((await predict('first', Buffer.alloc(0)))[0]).toBe(400);
});
