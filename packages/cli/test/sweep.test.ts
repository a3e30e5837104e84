import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bin, Scratch } from './peft.ts';

const scratch = new Scratch();
const at = (...parts: string[]): string => scratch.at(...parts);
afterAll(() => rmSync(scratch.folder, { recursive: true, maxRetries: 5 }));

beforeAll(async () => {
  for (const [split, count, first] of [
    ['train', 12, 0],
    ['val', 6, 12],
    ['test', 6, 18],
  ] as const)
    await scratch.paint(`pictures/${split}`, count, undefined, first);
});

const recipe = { backbone: 'pico-vit', data: at('pictures'), steps: 3, batch: 4, targets: ['blocks.5.attn.qkv[q,v]'] };

function writeSweep(name: string, fields: object): string {
  writeFileSync(at(name), JSON.stringify({ recipe, ...fields }));
  return at(name);
}

/** Ten trials, each with four seeds. */
const space = { 'set.r': [1, 2], lr: [1e-4, 3e-4, 1e-3, 3e-3, 1e-2] };
const forty = (): string => writeSweep('forty.json', { space, seeds: [1, 2, 3, 4] });

/** What a sweep came to, but for times, and for where it is. */
function resultsOf(folder: string): unknown[] {
  const lines = readFileSync(at(folder, 'results.jsonl'), 'utf8').trim().split('\n');
  return lines.map(line => {
    const { record, ...entry } = JSON.parse(line) as { record: { result: Record<string, unknown> } };
    const { stepMs: _, seconds: __, adapter: ___, ...result } = record.result;
    return { ...entry, record: { ...record, result } };
  });
}

const tableOf = (folder: string): string => readFileSync(at(folder, 'table.md'), 'utf8');

describe('a sweep in worker processes', () => {
  test('has a line for each run, ranks trials, and is not repeated', async () => {
    const file = writeSweep('small.json', { space: { lr: [1e-4, 1e-2] }, seeds: [1, 2] });
    const answer = await scratch.json('sweep', file, '--out', at('small'), '--workers', '2');
    expect(answer).toMatchObject({ isDone: true, failures: [], rows: [{ runs: 2 }, { runs: 2 }] });
    const before = readFileSync(at('small', 'results.jsonl'), 'utf8');
    expect(before.trim().split('\n')).toHaveLength(4);
    expect(tableOf('small')).toContain('| trial | lr | accuracy | deviation | runs | parameters |');
    await scratch.json('sweep', file, '--out', at('small'), '--workers', '2');
    expect(readFileSync(at('small', 'results.jsonl'), 'utf8')).toBe(before);
  });

  test('goes on only as the sweep that it was', async () => {
    const file = writeSweep('other.json', { space: { lr: [1e-4, 1e-3] }, seeds: [1, 2] });
    const { status, stderr } = await scratch.peft('sweep', file, '--out', at('small'));
    expect([status, stderr]).toEqual([1, expect.stringContaining('holds another sweep: space.lr')]);
  });

  test('is cancelled from elsewhere, and called again goes on', async () => {
    const file = writeSweep('wishes.json', { space, seeds: [5] });
    const running = start(file, 'wishes');
    await until(running, () => existsSync(at('wishes', 'queue')));
    await scratch.json('sweep', at('wishes'), '--wish', 'cancel');
    await once(running, 'close');
    expect(running.exitCode).toBe(0);
    const answer = await scratch.json('sweep', file, '--out', at('wishes'), '--workers', '2');
    expect(answer).toMatchObject({ isDone: true, rows: Array.from({ length: 10 }, () => ({ runs: 1 })) });
  });

  test('a folder without a sweep is refused', async () => {
    const file = writeSweep('small.json', { space: { lr: [1e-4, 1e-2] }, seeds: [1, 2] });
    for (const [call, place] of [
      [['sweep', at('smal'), '--wish', 'pause'], at('smal')],
      [['sweep', file, '--wish', 'pause'], file],
      [['worker', at('smal')], at('smal')],
    ] as const) {
      const { status, stderr } = await scratch.peft(...call);
      expect([status, stderr]).toEqual([1, expect.stringContaining(`${place} holds no sweep (sweep.json)`)]);
    }
    expect(existsSync(at('smal'))).toBe(false);
  });

  test('goes on after its only worker was told to stop', async () => {
    const file = writeSweep('lonely.json', { space, seeds: [7] });
    const running = start(file, 'lonely', 1);
    await until(running, () => existsSync(at('lonely', 'runs')) && workersOf(running).length > 0);
    process.kill(workersOf(running)[0] as number, 'SIGTERM');
    await once(running, 'close');
    expect(running.exitCode).toBe(0);
    expect(resultsOf('lonely')).toHaveLength(10);
  });

  test('saves the runs under way at Ctrl-C in a terminal, and goes on from there', async () => {
    const long = { ...recipe, steps: 1_000_000 };
    const file = writeSweep('long.json', { recipe: long, space: { lr: [1e-4, 1e-3] }, seeds: [1] });
    const saved = (): string[] => {
      const runs = existsSync(at('long', 'runs')) ? readdirSync(at('long', 'runs')) : [];
      return runs.flatMap(run => readdirSync(at('long', 'runs', run)).filter(name => name.startsWith('checkpoint')));
    };
    for (let seconds = 2; saved().length < 2 && seconds <= 32; seconds *= 2) {
      const running = start(file, 'long', 2);
      await sleep(1000 * seconds); // on a busy machine the first steps take longer
      process.kill(-(running.pid as number), 'SIGINT');
      await once(running, 'close');
      expect(running.exitCode).toBe(1);
    }
    expect(saved()).toHaveLength(2);
  });

  test.each([
    ['a typo', { space: { 'set.rr': [1] } }, /no option "rr"; closest: r/],
    ['a value out of range', { space: { lr: [-1] } }, /lr.*above 0/],
    [
      'a draw out of range',
      { space: { 'set.r': { min: 1, max: 8 } }, search: { kind: 'random', n: 3 } },
      /r is \d\.\d+; it must be an integer/,
    ],
    ['the test split', { space: { lr: [1e-3] }, evalSplit: 'test' }, /test split stays unseen/],
    ['a field that is there twice', { recipe: { ...recipe, seed: 1 }, space: { lr: [1e-3] } }, /seeds of the sweep/],
  ])('refuses %s before anything is written', async (_, fields, message) => {
    const { status, stderr } = await scratch.peft('sweep', writeSweep('wrong.json', fields), '--out', at('wrong'));
    expect([status, stderr]).toEqual([1, expect.stringMatching(message)]);
    expect(existsSync(at('wrong'))).toBe(false);
  });

  test('that has no result is a failure', async () => {
    const file = writeSweep('hopeless.json', { space: { lr: [1e29, 1e30] }, seeds: [1] });
    const { status, stderr } = await scratch.peft('sweep', file, '--out', at('hopeless'));
    expect([status, stderr]).toEqual([1, expect.stringMatching(/Every run failed; .*results\.jsonl says why/)]);
  });

  test('a run that fails is told, and the others are done', async () => {
    const file = writeSweep('failing.json', { space: { lr: [1e-3, 1e30] }, seeds: [1] });
    const { stderr, stdout } = await scratch.peft('sweep', file, '--out', at('failing'), '--json');
    expect(stderr).toMatch(/Trial 1, seed 1 failed: .*learning rate/);
    expect(JSON.parse(stdout)).toMatchObject({
      isDone: true,
      failures: [{ trial: 1 }],
      rows: [{ trial: 0 }, { trial: 1 }],
    });
  });
});

/** Starts a sweep in a process group of its own, as a terminal does. */
const start = (file: string, folder: string, workers = 3): ChildProcess =>
  spawn(process.execPath, [bin, 'sweep', file, '--out', at(folder), '--workers', String(workers), '--quiet'], {
    stdio: 'ignore',
    detached: true,
  });

/** Waits for something that a running sweep brings about. */
async function until(running: ChildProcess, condition: () => boolean): Promise<void> {
  while (!condition()) {
    expect(running.exitCode).toBeNull();
    await sleep(20);
  }
}

const workersOf = ({ pid }: ChildProcess): number[] => {
  try {
    return execFileSync('ps', ['-o', 'pid=', '--ppid', String(pid)], { encoding: 'utf8' })
      .trim()
      .split(/\s+/)
      .map(Number);
  } catch {
    return []; // it has none now
  }
};

/** How often a process is killed; by hand, more often: PEFT_SWEEP_KILLS=20. */
const kills = Number(process.env.PEFT_SWEEP_KILLS ?? 3);

test('schedulers and workers that are killed at any moment change nothing of what it comes to', async () => {
  const file = forty();
  await scratch.json('sweep', file, '--out', at('undisturbed'), '--workers', '3');
  expect(resultsOf('undisturbed')).toHaveLength(40);
  let sweep = start(file, 'disturbed');
  let killed = 0;
  for (let kill = 0; kill < kills; kill++) {
    await sleep(700 + 500 * ((kill * 7) % 5));
    if (sweep.exitCode !== null) break;
    const workers = workersOf(sweep);
    const isScheduler = kill % 2 === 0 || workers.length === 0;
    process.kill(isScheduler ? (sweep.pid as number) : (workers[kill % workers.length] as number), 'SIGKILL');
    killed++;
    if (!isScheduler) continue;
    await once(sweep, 'close');
    sweep = start(file, 'disturbed');
  }
  if (sweep.exitCode === null) await once(sweep, 'close');
  console.log(`Killed ${killed} times.`);
  expect(killed).toBeGreaterThan(0);
  expect(sweep.exitCode).toBe(0);
  expect(resultsOf('disturbed')).toEqual(resultsOf('undisturbed'));
  expect(tableOf('disturbed')).toBe(tableOf('undisturbed'));
});
