import { cpSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Result, Scratch } from './peft.ts';

const scratch = new Scratch();
const at = (...parts: string[]): string => scratch.at(...parts);
const peft = (...argv: string[]): Promise<Result> => scratch.peft(...argv, '--quiet');

interface Evaluated {
  accuracy: number;
  n: number;
}

const evaluate = (...argv: string[]): Promise<Evaluated> => scratch.json<Evaluated>('eval', ...argv);
const train = (...argv: string[]): Promise<Evaluated> =>
  scratch.json<Evaluated>('train', '--batch', '8', '--lr', '5e-3', '--seed', '1', ...argv);

/** The pictures of `name` as a VTAB-1K folder, with its classes in the given order. */
function listed(name: string, folder: string, classes: readonly string[]): void {
  cpSync(at(folder), at(name), { recursive: true });
  for (const [split, list] of [
    ['train', 'train800.txt'],
    ['test', 'test.txt'],
  ]) {
    const lines = classes.flatMap((side, label) =>
      Array.from({ length: split === 'train' ? 12 : 6 }, (_, i) => `${split}/${side}/${i}.jpg ${label}`),
    );
    writeFileSync(at(name, list), lines.join('\n'));
  }
  writeFileSync(at(name, 'classes.txt'), classes.join('\n'));
}

beforeAll(async () => {
  await scratch.paint('three/train', 12, ['above', 'below', 'left']);
  await scratch.paint('three/test', 6, ['above', 'below', 'left']);
  listed('turned', 'three', ['left', 'below', 'above']);
  await train('--backbone', 'pico-vit', '--data', at('three'), '--steps', '24', '--out', at('adapter'));
});
afterAll(() => rmSync(scratch.folder, { recursive: true }));

describe('classes are matched by name', () => {
  const adapter = ['--adapter', at('adapter')];

  test('in whatever order the data has them', async () => {
    const { accuracy } = await evaluate(...adapter, '--data', at('three'));
    expect(accuracy).toBeGreaterThan(0.8);
    expect((await evaluate(...adapter, '--data', at('turned'))).accuracy).toBe(accuracy);
  });

  test('in a merged model too, and one that is trained on keeps its head', async () => {
    await scratch.json('merge', ...adapter, '--out', at('merged'));
    const bare = ['--backbone', at('merged')];
    const { accuracy } = await evaluate(...bare, '--data', at('three'));
    expect((await evaluate(...bare, '--data', at('turned'))).accuracy).toBe(accuracy);
    const still = ['--steps', '1', '--lr', '1e-9', '--out', at('again')];
    expect((await train(...bare, '--data', at('turned'), ...still)).accuracy).toBe(accuracy);
  });

  test('also when training starts from an adapter', async () => {
    const { accuracy } = await evaluate(...adapter, '--data', at('three'));
    const still = ['--steps', '1', '--lr', '1e-9', '--out', at('continued')];
    const continued = await train('--init-adapter', at('adapter'), '--data', at('turned'), ...still);
    expect(continued.accuracy).toBe(accuracy);
    const { labels } = JSON.parse(readFileSync(at('continued', 'peft.json'), 'utf8')).model;
    expect(labels).toEqual(['above', 'below', 'left']);
  });

  test('a subset of them is fine', async () => {
    await scratch.paint('two/test', 6, ['below', 'left']);
    await scratch.paint('two/train', 1, ['below', 'left']);
    expect(await evaluate(...adapter, '--data', at('two'))).toMatchObject({ n: 12, accuracy: expect.closeTo(1, 0) });
  });

  test.each([
    ['eval', () => ['eval', ...adapter]],
    ['train', () => ['train', '--init-adapter', at('adapter'), '--out', at('x')]],
  ])('%s refuses names that the model does not know, with both lists', async (verb, argv) => {
    const folder = at(`renamed-${verb}`);
    cpSync(at('three'), folder, { recursive: true });
    for (const split of ['train', 'test']) renameSync(join(folder, split, 'left'), join(folder, split, 'right'));
    const { status, stderr } = await peft(...argv(), '--data', folder);
    expect(status).toBe(1);
    expect(stderr).toMatch(/classes that the model does not have: "right"/);
    expect(stderr).toMatch(/the data's: "above", "below", "right"\n.*the model's: "above", "below", "left"/);
  });
});

describe('what contradicts the adapter that training starts from is refused', () => {
  test.each([
    ['another method', ['--method', 'neat'], /of the method lora, not neat/],
    ['another option', ['--set', 'r=3'], /r is 8 there, not 3/],
    ['other targets', ['--targets', 'mlp.fc1'], /targets is \["attn\.qkv\[q,v\]"\] there, not \["mlp\.fc1"\]/],
  ])('%s', async (_, argv, message) => {
    const start = ['train', '--init-adapter', at('adapter'), '--data', at('three'), '--steps', '1'];
    const { status, stderr } = await peft(...start, ...argv, '--out', at('x'));
    expect(stderr).toMatch(message);
    expect(status).toBe(1);
  });

  test('and so are other weights of the backbone', async () => {
    const start = ['train', '--init-adapter', at('adapter'), '--data', at('three'), '--steps', '1'];
    const { status, stderr } = await peft(...start, '--backbone', at('merged'), '--out', at('x'));
    expect(stderr).toMatch(/was trained on pico-vit \(weights [0-9a-f]{12}\), not on these weights/);
    expect(status).toBe(1);
  });
});
