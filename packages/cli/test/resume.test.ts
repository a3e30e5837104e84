import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { folderStore } from '@peft/run/node';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readArguments } from '../src/arguments.ts';
import { compare } from '../src/commands/compare.ts';
import { train } from '../src/commands/train.ts';
import { Output } from '../src/output/output.ts';
import { paintSide, Scratch } from './peft.ts';

const scratch = new Scratch();
const at = (...parts: string[]): string => scratch.at(...parts);

const recipe = {
  backbone: 'pico-vit',
  data: at('pictures'),
  method: 'lora',
  set: ['r=2'],
  steps: 4,
  batch: 8,
  lr: 5e-3,
  checkpointEvery: 2,
  engine: 'wasm',
};

const run = async (changes: Record<string, unknown>): Promise<void> =>
  train(await readArguments({ ...recipe, ...changes }), new Output({ json: true, quiet: true }));

const weightsOf = (folder: string): Buffer => readFileSync(join(folder, 'adapter_model.safetensors'));

beforeAll(async () => {
  await scratch.paint('pictures/train', 12);
  await scratch.paint('pictures/test', 2);
  cpSync(at('pictures'), at('more'), { recursive: true });
  await paintSide(at('more', 'train', 'above', '99.jpg'), 'above', 99);
  await run({ out: at('merged-from'), steps: 1 });
  await scratch.json('merge', '--adapter', at('merged-from'), '--out', at('other-weights'));
  await run({ out: at('stopped') });
});
afterAll(() => rmSync(scratch.folder, { recursive: true }));

describe('a run goes on only as the run that it was', () => {
  test.each<[string, Record<string, unknown>, RegExp]>([
    ['learning rate', { lr: 4e-3 }, /lr/],
    ['weight decay', { weightDecay: 0.1 }, /weightDecay/],
    ['length', { steps: 5 }, /steps/i],
    ['batch', { batch: 6 }, /batch/],
    ['accumulation', { accumulate: 2 }, /accumulate/],
    ['schedule', { schedule: 'constant' }, /schedule/],
    ['warm-up', { warmup: 1 }, /warmup/],
    ['smoothing', { smoothing: 0.1 }, /smoothing/],
    ['clipping', { clip: 1 }, /clip/],
    ['drop path', { dropPath: 0.1 }, /dropPath/],
    ['augmentation', { augment: 'flip-crop' }, /augment/],
    ['cropping', { augment: 'vtab' }, /augment|cropMode/],
    ['order', { shuffle: false }, /shuffle/],
    ['seed', { seed: 43 }, /seed/],
    ['image size', { imageSize: 48 }, /inputSize|preprocessing/],
    ['pictures', { data: at('more') }, /data/],
    ['frozen weights', { backbone: at('other-weights') }, /weights|backbone/],
    ['method', { method: 'neat' }, /method|neat/],
    ['option of the method', { set: ['r=3'] }, /"?r"?/],
    ['targets', { targets: ['mlp.fc1'] }, /targets/],
  ])('another %s is refused by name', async (_, changes, message) => {
    cpSync(at('stopped'), at('changed'), { recursive: true });
    await expect(run({ ...changes, out: at('changed'), resume: true })).rejects.toThrow(message);
    expect(weightsOf(at('changed')).equals(weightsOf(at('stopped')))).toBe(true);
    rmSync(at('changed'), { recursive: true });
  });

  test('the same run ends with the same bytes, wherever its folders lie', async () => {
    cpSync(at('pictures'), at('moved'), { recursive: true });
    cpSync(at('stopped'), at('again'), { recursive: true });
    await run({ data: at('moved'), out: at('again'), resume: true });
    expect(weightsOf(at('again')).equals(weightsOf(at('stopped')))).toBe(true);
    const [before, after] = await Promise.all(['stopped', 'again'].map(name => folderStore(at(name)).readRecord()));
    expect(before?.result.losses).toHaveLength(4);
    for (const field of ['losses', 'epochs', 'stepMs', 'seconds', 'metrics'] as const)
      expect(after?.result[field]).toEqual(before?.result[field]);
  });

  test('force goes on, and the record says what differs', async () => {
    cpSync(at('stopped'), at('forced'), { recursive: true });
    await run({ out: at('forced'), resume: 'force', lr: 4e-3 });
    const { resumedDespite } = JSON.parse(readFileSync(at('forced', 'run.json'), 'utf8'));
    expect(resumedDespite).toContain('lr: 0.005 in the checkpoint, 0.004 now');
  });

  test('where there is no checkpoint the run starts', async () => {
    await run({ out: at('fresh'), resume: true });
    expect(weightsOf(at('fresh')).equals(weightsOf(at('stopped')))).toBe(true);
  });

  test('what is no checkpoint is an error that names it', async () => {
    cpSync(at('stopped'), at('garbled'), { recursive: true });
    for (const name of ['checkpoint.safetensors', 'checkpoint.previous.safetensors'])
      writeFileSync(at('garbled', name), 'not a checkpoint');
    await expect(run({ out: at('garbled'), resume: true })).rejects.toThrow(/checkpoint/);
  });

  test('another adapter to start from is refused by name', async () => {
    const start = { method: undefined, set: undefined, out: at('continued') };
    await run({ ...start, initAdapter: at('stopped') });
    const other = run({ ...start, initAdapter: at('merged-from'), resume: true });
    await expect(other).rejects.toThrow(/initAdapter: "[0-9a-f]{64}" in the checkpoint/);
    await run({ ...start, initAdapter: at('stopped'), resume: true });
  });
});

test('compare keeps a finished run only for the pictures that it was evaluated on', async () => {
  const { method, set, checkpointEvery, ...common } = recipe;
  const linear = { ...common, methods: ['linear'], steps: 1, out: at('compared'), report: at('report.html') };
  const evaluated = async (changes: Record<string, unknown>): Promise<number> => {
    await compare(await readArguments({ ...linear, ...changes }), new Output({ json: true, quiet: true }));
    return JSON.parse(readFileSync(at('compared', 'linear-42', 'run.json'), 'utf8')).result.metrics.n;
  };
  expect(await evaluated({})).toBe(4);
  expect(await evaluated({ resume: true, evalSplit: 'train' })).toBe(24);
});

test.each(['linear', 'full'])('training goes on from an adapter of the baseline %s, and of no other', async method => {
  const other = method === 'linear' ? 'full' : 'linear';
  const from = { set: undefined, steps: 1, initAdapter: at(method) };
  await run({ ...from, method, initAdapter: undefined, out: at(method) });
  await run({ ...from, method: undefined, out: at(`from-${method}`) });
  const refused = run({ ...from, method: other, out: at('refused') });
  await expect(refused).rejects.toThrow(`it is of the method ${method}, not ${other}`);
});
