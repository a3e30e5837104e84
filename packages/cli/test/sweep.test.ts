import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { noRedis, redisIn, type TestRedis } from '@peft/vitest/redis';
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
    expect(tableOf('small')).toContain('| trial | accuracy | deviation | lr | runs | parameters |');
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
    const closed = once(running, 'close'); // perhaps before the wish has been answered
    await scratch.json('sweep', at('wishes'), '--wish', 'cancel');
    await closed;
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
      return runs.filter(run => readdirSync(at('long', 'runs', run)).some(name => name.startsWith('checkpoint')));
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
const start = (file: string, folder: string, workers = 3, env: NodeJS.ProcessEnv = {}): ChildProcess =>
  spawn(process.execPath, [bin, 'sweep', file, '--out', at(folder), '--workers', String(workers), '--quiet'], {
    stdio: 'ignore',
    detached: true,
    env: { ...process.env, ...env },
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

/** What may be killed beside schedulers and workers. */
interface Killable {
  kill(): Promise<void>;
}

/** Kills schedulers, workers and others in turn while forty runs are done, and starts the scheduler again. */
async function disturb(folder: string, { env = {}, others = [] }: { env?: NodeJS.ProcessEnv; others?: Killable[] }) {
  const file = forty();
  const again = (): ChildProcess => start(file, folder, 3, env);
  let sweep = again();
  let killed = 0;
  const killScheduler = async (): Promise<void> => {
    sweep.kill('SIGKILL');
    await once(sweep, 'close');
    sweep = again();
  };
  const killWorker = async (): Promise<void> => {
    const workers = workersOf(sweep);
    const worker = workers[killed % workers.length];
    if (worker !== undefined) process.kill(worker, 'SIGKILL');
  };
  const victims = [killScheduler, killWorker, ...others.map(other => () => other.kill())];
  for (let kill = 0; kill < kills; kill++) {
    await sleep(700 + 500 * ((kill * 7) % 5));
    if (sweep.exitCode !== null) break;
    await victims[kill % victims.length]?.();
    killed++;
  }
  if (sweep.exitCode === null) await once(sweep, 'close');
  console.log(`Killed ${killed} times.`);
  expect(killed).toBeGreaterThan(0);
  expect(sweep.exitCode).toBe(0);
}

describe('what is killed at any moment changes nothing of what a sweep comes to', () => {
  beforeAll(async () => {
    await scratch.json('sweep', forty(), '--out', at('undisturbed'), '--workers', '3');
    expect(resultsOf('undisturbed')).toHaveLength(40);
  });

  test('schedulers and workers', async () => {
    await disturb('disturbed', {});
    expect(resultsOf('disturbed')).toEqual(resultsOf('undisturbed'));
    expect(tableOf('disturbed')).toBe(tableOf('undisturbed'));
  });

  if (noRedis) console.warn(`Sweeps on Redis are not tested: ${noRedis}.`);
  test.skipIf(noRedis)('schedulers, workers and Redis', async () => {
    mkdirSync(at('redis'));
    const redis = await redisIn(at('redis'));
    await disturb('over-redis', { env: { PEFT_QUEUE: redis.url }, others: [redis] });
    await redis.stop();
    expect(resultsOf('over-redis')).toEqual(resultsOf('undisturbed'));
    expect(tableOf('over-redis')).toBe(tableOf('undisturbed'));
  });
});

/** Starts a sweep with a board, and says where that is. */
async function startBoard(file: string, folder: string, env: NodeJS.ProcessEnv = {}): Promise<[ChildProcess, string]> {
  const args = ['sweep', file, '--out', at(folder), '--workers', '1', '--board', '0'];
  const sweep = spawn(process.execPath, [bin, ...args], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, ...env },
  });
  let words = '';
  sweep.stderr.on('data', text => {
    words += text;
  });
  await until(sweep, () => /shown at http\S+/.test(words));
  return [sweep, /shown at (http\S+)/.exec(words)?.[1] ?? ''];
}

/** The status of a page that is asked for by another name. */
const statusAs = (host: string, url: string): Promise<number | undefined> =>
  new Promise((resolve, reject) => {
    get(url, { headers: { host } }, answer => resolve(answer.resume().statusCode)).on('error', reject);
  });

describe('the page of a sweep', () => {
  test('shows how far it is to this machine alone, and stays as a report', async () => {
    const file = writeSweep('board.json', { space: { lr: [1e-4, 1e-3, 1e-2] }, seeds: [1, 2] });
    const [sweep, url] = await startBoard(file, 'board');
    const pageAt = async (path: string): Promise<string> => (await fetch(new URL(path, url))).text();
    let page = await pageAt('/');
    while (!page.includes('of 6 runs, running')) {
      expect(sweep.exitCode).toBeNull();
      await sleep(50);
      page = await pageAt('/');
    }
    expect(page).not.toMatch(/<script|src=|href=/);
    expect([await statusAs('elsewhere.example', url), await statusAs(new URL(url).host, url)]).toEqual([403, 200]);
    expect((await fetch(new URL('/results.jsonl', url))).status).toBe(404);
    await once(sweep, 'close');
    const report = readFileSync(at('board', 'report.html'), 'utf8');
    expect(report).toMatch(/Trial \d is best: accuracy [\d.]+ ± [\d.]+ on val, over 2 of 2 seeds/);
    expect(report).toContain('lr, by trial');
    expect(report).not.toContain('<progress');
  });

  test('is refused where the port is taken', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as AddressInfo;
    const file = writeSweep('taken.json', { space: { lr: [1e-4] } });
    const { status, stderr } = await scratch.peft('sweep', file, '--out', at('taken'), '--board', String(port));
    taken.close();
    expect([status, stderr]).toEqual([1, expect.stringMatching(/^peft: The board cannot be served: .*EADDRINUSE/)]);
  });

  test.skipIf(noRedis)("has BullMQ's dashboard beside it, which changes nothing", async () => {
    mkdirSync(at('dashboard'));
    const redis = await redisIn(at('dashboard'));
    const file = writeSweep('queue.json', { space: { lr: [1e-4, 1e-3, 1e-2] }, seeds: [1, 2] });
    const [sweep, url] = await startBoard(file, 'queue', { PEFT_QUEUE: redis.url });
    const queues = async (): Promise<{ name: string; readOnlyMode: boolean }[]> => {
      const answer = await fetch(new URL('/queue/api/queues', url));
      return ((await answer.json()) as { queues: { name: string; readOnlyMode: boolean }[] }).queues;
    };
    expect(await queues()).toMatchObject([{ name: 'runs', readOnlyMode: true }]);
    await once(sweep, 'close');
    await redis.stop();
    expect(sweep.exitCode).toBe(0);
  });
});

describe.skipIf(noRedis)('a sweep over Redis', () => {
  let redis: TestRedis;
  beforeAll(async () => {
    mkdirSync(at('server'));
    redis = await redisIn(at('server'), { password: 's3cret' });
  });
  afterAll(() => redis.stop());

  test('is done by a worker elsewhere, which finds data and weights by what they hold', async () => {
    cpSync(at('pictures'), at('elsewhere', 'renamed'), { recursive: true });
    cpSync(at('pictures'), at('here'), { recursive: true });
    const own = { ...recipe, data: at('here') };
    const file = writeSweep('remote.json', { recipe: own, space: { lr: [1e-4, 1e-3] }, seeds: [1, 2] });
    const sweep = start(file, 'remote', 0, { PEFT_QUEUE: redis.url });
    await until(sweep, () => existsSync(at('remote', 'results.jsonl')));
    renameSync(at('here'), at('gone'));
    const work = (...args: string[]): ChildProcess =>
      spawn(process.execPath, [bin, 'worker', redis.url, '--out', at('worker'), ...args], { stdio: 'ignore' });
    const end = async (worker: ChildProcess): Promise<void> => {
      worker.kill('SIGTERM');
      await once(worker, 'close');
      expect(worker.exitCode).toBe(1);
    };
    const lacking = work();
    await sleep(3000);
    expect(sweep.exitCode).toBeNull();
    await end(lacking);
    const having = work('--data', at('elsewhere'));
    await once(sweep, 'close');
    expect(sweep.exitCode).toBe(0);
    await end(having);
    expect(resultsOf('remote')).toHaveLength(4);
    expect(readdirSync(at('worker'))).toHaveLength(4);
  });

  test('that cannot use it says why, without the password', async () => {
    const file = writeSweep('refused.json', { space: { lr: [1e-4] } });
    const wrong = redis.url.replace('s3cret', 's3cret-no-more');
    for (const call of [
      ['sweep', file, '--out', at('refused'), '--queue', wrong],
      ['worker', wrong],
    ]) {
      const { status, stderr } = await scratch.peft(...call);
      expect([status, stderr]).toEqual([1, expect.stringMatching(/cannot be used: WRONGPASS .* Give its password/)]);
      expect(stderr).not.toContain('s3cret');
    }
  });
});
