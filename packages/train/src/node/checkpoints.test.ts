import { cp, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fold, key, parseSafetensors } from '@peft/core';
import { drawUniform } from '@peft/core/engine';
import { bundle, start } from '@peft/vitest/child';
import { withFault } from '@peft/vitest/faults';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { tinyRun } from '../../test/runs.ts';
import { findCheckpoint, saveCheckpoint } from './index.ts';

const [newest, previous] = ['checkpoint.safetensors', 'checkpoint.previous.safetensors'];
const child = (name: string): string => new URL(`../../test/children/${name}.ts`, import.meta.url).pathname;

let scratch: string;
/** A folder with the checkpoints after the first step and the second. */
let two: string;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'peft-checkpoints-'));
  two = join(scratch, 'two');
  const { trainer } = await tinyRun();
  for await (const { type } of trainer.run()) {
    if (type === 'step') await saveCheckpoint(trainer, two);
    if (trainer.step === 2) break;
  }
});
afterAll(() => rm(scratch, { recursive: true }));

const stepOf = (bytes: Uint8Array): number => JSON.parse(parseSafetensors(bytes, 'checkpoint').metadata.place).step;

const copy = async (name: string): Promise<string> => {
  const folder = join(scratch, name);
  await cp(two, folder, { recursive: true });
  return folder;
};

/** A run that has done three steps. */
async function threeSteps(): ReturnType<typeof tinyRun> {
  const run = await tinyRun();
  for await (const { type } of run.trainer.run()) if (type === 'step' && run.trainer.step === 3) break;
  return run;
}

describe('two checkpoints', () => {
  test('are kept, and the newer is found', async () => {
    expect((await readdir(two)).sort()).toEqual([previous, newest]);
    expect(stepOf(await readFile(join(two, previous)))).toBe(1);
    const found = await findCheckpoint(two);
    expect(stepOf(found!.bytes)).toBe(2);
    expect(found).toMatchObject({ path: join(two, newest), passedOver: [] });
    expect(await findCheckpoint(join(two, 'none'))).toBeUndefined();
  });

  test('of which the newer is damaged: the older is found, and kept when the run goes on', async () => {
    const folder = await copy('damaged');
    await truncate(join(folder, newest), 900);
    const found = await findCheckpoint(folder);
    expect(stepOf(found!.bytes)).toBe(1);
    expect(found!.passedOver).toEqual([expect.stringContaining(newest)]);
    await saveCheckpoint((await threeSteps()).trainer, folder);
    expect(stepOf(await readFile(join(folder, newest)))).toBe(3);
    expect(stepOf(await readFile(join(folder, previous)))).toBe(1);
    for (const name of [newest, previous]) await writeFile(join(folder, name), 'x');
    await expect(findCheckpoint(folder)).rejects.toMatchObject({
      code: 'bad-file',
      message: expect.stringMatching(/checkpoint\.safetensors.*checkpoint\.previous\.safetensors/s),
    });
  });

  test('stay when a run has diverged', async () => {
    const folder = await copy('diverged');
    const { model, trainer } = await threeSteps();
    const [[, parameter]] = model.get('default').parameters();
    parameter.set(new Float32Array(parameter.size).fill(Number.NaN));
    await expect(saveCheckpoint(trainer, folder)).rejects.toMatchObject({ code: 'numerics' });
    for (const name of [newest, previous]) {
      expect(await readFile(join(folder, name))).toEqual(await readFile(join(two, name)));
    }
  });

  test.each(['EIO', 'ENOSPC'] as const)(
    'or one new and one old: %s at any operation leaves no third way',
    async how => {
      const { trainer } = await threeSteps();
      const operations = await withFault({}, async () => saveCheckpoint(trainer, await copy(`counted-${how}`)));
      for (const place of operations.keys()) {
        const folder = await copy(`${how}-${place}`);
        const failure: unknown = await withFault({ at: place + 1, how }, () => saveCheckpoint(trainer, folder)).then(
          () => undefined,
          error => error,
        );
        const step = stepOf((await findCheckpoint(folder))!.bytes);
        if (failure === undefined) expect(step).toBe(3);
        else expect(failure).toMatchObject({ name: 'PeftError', code: 'write-failed' });
        expect([2, 3]).toContain(step);
        await saveCheckpoint(trainer, folder);
        expect((await readdir(folder)).sort()).toEqual([previous, newest]);
      }
    },
  );

  test('or one new and one old: a run killed at any operation leaves no third way', async () => {
    const program = await bundle(child('checkpoint'), scratch);
    const { trainer } = await threeSteps();
    const counted = await copy('counted');
    const operations = await withFault({}, () => saveCheckpoint(trainer, counted));
    const places = operations.keys();
    const left: Record<number, number> = {};
    const work = async (): Promise<void> => {
      for (const place of places) {
        const folder = await copy(`killed-${place}`);
        expect(await start(program, [folder, String(place + 1)]).ended).toMatchObject({ end: 'SIGKILL' });
        const step = stepOf((await findCheckpoint(folder))!.bytes);
        left[step] = (left[step] ?? 0) + 1;
        await saveCheckpoint(trainer, folder);
        expect((await readdir(folder)).sort()).toEqual([previous, newest]);
      }
    };
    await Promise.all([work(), work()]);
    expect(Object.keys(left)).toEqual(['2', '3']);
  });
});

test('killed at twenty random moments and resumed, a run ends byte for byte as one that never was', async () => {
  const program = await bundle(child('train'), scratch);
  const [whole, killed] = [join(scratch, 'whole'), join(scratch, 'killed')];
  expect(await start(program, [whole]).ended).toMatchObject({ end: 0 });
  let kills = 0;
  for (let attempt = 0; attempt < 100; attempt++) {
    const [steps, delay] = drawUniform(fold(key(11), attempt), 2);
    let left = 1 + Math.floor(6 * steps);
    const run = start(program, [killed], () => {
      // Somewhere in the step after that, or in the writing of its checkpoint.
      if (--left === 0 && kills < 20) setTimeout(run.kill, 8 * delay);
    });
    const { end, errors } = await run.ended;
    if (end !== 'SIGKILL') {
      expect({ end, errors }).toEqual({ end: 0, errors: '' });
      break;
    }
    kills++;
  }
  expect(kills).toBe(20);
  for (const name of ['adapter_model.safetensors', 'adapter_config.json', 'peft.json', newest]) {
    expect(await readFile(join(killed, name)), name).toEqual(await readFile(join(whole, name)));
  }
});
