import { existsSync, readFileSync, rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Scratch } from './peft.ts';

const scratch = new Scratch();
const at = (...parts: string[]): string => scratch.at(...parts);
const train = (...argv: string[]) =>
  scratch.peft(
    'train',
    '--backbone',
    'pico-vit',
    '--data',
    'mnist',
    '--batch',
    '4',
    '--steps',
    '1',
    '--quiet',
    ...argv,
  );

beforeAll(async () => {
  await scratch.paint('pictures', 1);
  expect((await train('--set', 'r=1', '--out', at('adapter'))).status).toBe(0);
});
afterAll(() => rmSync(scratch.folder, { recursive: true }));

describe('a folder is not written over by', () => {
  const record = (): string => readFileSync(at('adapter', 'run.json'), 'utf8');

  test('a run of another recipe, unless that is asked for', async () => {
    const before = record();
    const { status, stderr } = await train('--set', 'r=2', '--out', at('adapter'));
    expect(status).toBe(1);
    expect(stderr).toMatch(
      /adapter holds the run of another recipe \(lora on mnist\)\. Name another folder .*--overwrite/,
    );
    expect(record()).toBe(before);
    expect((await train('--set', 'r=2', '--out', at('adapter'), '--overwrite')).status).toBe(0);
    expect(JSON.parse(record()).recipe.set).toEqual({ r: 2 });
  });

  test('a run, if it holds files of another kind', async () => {
    const { status, stderr } = await train('--out', at('pictures'));
    expect(status).toBe(1);
    expect(stderr).toMatch(/pictures holds other files, above among them\. Name a new folder/);
    expect(existsSync(at('pictures', 'adapter_config.json'))).toBe(false);
  });

  test('a new run, if it holds a run that can go on', async () => {
    const args = ['--steps', '3', '--checkpoint-every', '1', '--out', at('begun')];
    expect((await train(...args)).status).toBe(0);
    rmSync(at('begun', 'run.json')); // as if it had been killed before its end
    expect((await train(...args)).stderr).toMatch(
      /begun holds the checkpoint of a run .* --resume, or start anew with --overwrite/,
    );
    expect((await train(...args, '--resume')).status).toBe(0);
  });
});

test('a run of the same recipe is run again', async () => {
  const args = ['--set', 'r=3', '--out', at('twice')];
  expect((await train(...args)).status).toBe(0);
  expect((await train(...args)).status).toBe(0);
});
