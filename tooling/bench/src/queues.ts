/**
 * Measures the queues of sweeps: how many jobs a second they take, what the scheduler's memory does meanwhile, and how many bytes a run
 * leaves in Redis. Needs redis-server.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defineSweep, planOf } from '@peft/sweep';
import { type Job, openEmbeddedQueue, type Queue } from '@peft/sweep/node';
import { openRedisQueue } from '@peft/sweep/redis';
import { redisIn } from '@peft/vitest/redis';
import { Redis } from 'ioredis';
import { load, machine } from './machine.ts';

const [count, workerCount] = [10_000, 3];
const looks = [1000, 5000, 10_000];

/** What is kept, in MiB, once garbage is collected: resident memory grows with what has not been collected yet. */
function kept(): string {
  globalThis.gc?.();
  return mebibytes(process.memoryUsage().heapUsed);
}

const mebibytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(0)} MiB`;

const trivial = (): Job[] => Array.from({ length: count }, (_, i) => ({ id: `job-${i}`, priority: 1, data: {} }));

/** Starts workers that give `value` for each job. */
const startWorkers = (place: string, value = {}): ChildProcess[] =>
  Array.from({ length: workerCount }, () =>
    fork(new URL('worker/queue-worker.js', import.meta.url), [place, JSON.stringify(value)]),
  );

async function stopWorkers(workers: readonly ChildProcess[]): Promise<void> {
  const ends = workers.map(worker => once(worker, 'exit'));
  for (const worker of workers) worker.kill('SIGKILL');
  await Promise.all(ends);
}

/** Takes outcomes until there are so many; `seen` is told how many there were. */
async function collect(queue: Queue, most: number, seen: (count: number) => void = () => {}): Promise<void> {
  for (let found = 0; found < most; ) {
    const outcomes = await queue.outcomes();
    await queue.take(outcomes.map(({ id }) => id));
    found += outcomes.length;
    seen(found);
  }
}

async function throughput(name: string, place: string, queue: Queue): Promise<void> {
  const workers = startWorkers(place);
  const memory: string[] = [`${kept()} before`];
  const due = [...looks];
  const start = performance.now();
  await queue.add(trivial());
  const added = performance.now();
  await collect(queue, count, found => {
    while (due[0] !== undefined && found >= due[0]) memory.push(`${kept()} at ${due.shift()}`);
  });
  const seconds = (performance.now() - start) / 1000;
  await stopWorkers(workers);
  console.log(
    `${name}: ${count} jobs, ${workerCount} workers: added in ${((added - start) / 1000).toFixed(1)} s, done in ${seconds.toFixed(1)} s, ` +
      `${(count / seconds).toFixed(0)} jobs a second. What the scheduler keeps in memory: ${memory.join(', ')}; resident in the end: ${mebibytes(process.memoryUsage.rss())}.`,
  );
}

/** Runs as they are: a thousand recipes, each with the record of a run of so many steps. */
async function bytesOfRuns(url: string, queue: Queue, runs: number, steps: number): Promise<void> {
  const client = new Redis(url);
  const used = async (): Promise<number> => Number(/used_memory:(\d+)/.exec(await client.info('memory'))?.[1]);
  const sweep = defineSweep({
    recipe: { backbone: 'deit_tiny_patch16_224', weights: 'deit.safetensors', data: 'pictures', steps },
    space: { lr: { min: 1e-4, max: 1e-2, scale: 'log' } },
    search: { kind: 'random', n: runs },
  });
  const hash = 'a'.repeat(64);
  const jobs = planOf(sweep)
    .runs(new Map())
    .map(({ id, recipe }) => ({ id, priority: 1, data: JSON.parse(JSON.stringify({ run: id, recipe, needs: hash })) }));
  const losses = Array.from({ length: steps }, (_, i) => Math.fround(2 / (1 + i / 50) + Math.sin(i) / 10));
  const before = await used();
  await queue.add(jobs);
  const waiting = await used();
  const workers = startWorkers(url, { record: { recipe: jobs[0]?.data.recipe, result: { losses } } });
  for (let due = runs; due > 0; due = (await queue.state()).waiting + (await queue.state()).running.length);
  const done = await used();
  await collect(queue, runs);
  const after = await used();
  await stopWorkers(workers);
  client.disconnect();
  const each = (bytes: number): string => `${(bytes / runs).toFixed(0)} bytes`;
  console.log(
    `A run of ${steps} steps in Redis: ${each(waiting - before)} while it waits, ${each(done - before)} once it is done, ${each(after - before)} once it is taken.`,
  );
}

async function measureEmbedded(scratch: string): Promise<void> {
  const place = join(scratch, 'queue');
  const queue = await openEmbeddedQueue(place);
  await throughput('embedded', place, queue);
  await queue.close();
}

async function measureRedis(scratch: string, fsync: string): Promise<void> {
  const redis = await redisIn(scratch, { options: ['--appendfsync', fsync] });
  const queue = await openRedisQueue(redis.url);
  await throughput(`Redis (appendonly, appendfsync ${fsync})`, redis.url, queue);
  if (fsync === 'everysec') await bytesOfRuns(redis.url, queue, 1000, 500);
  await queue.close();
  await redis.stop();
}

const measurements: Readonly<Record<string, (scratch: string) => Promise<void>>> = {
  embedded: measureEmbedded,
  everysec: scratch => measureRedis(scratch, 'everysec'),
  always: scratch => measureRedis(scratch, 'always'),
};

const measure = measurements[process.argv[2] ?? ''];
if (measure) {
  const scratch = await mkdtemp(join(tmpdir(), 'peft-queues-'));
  try {
    await measure(scratch);
  } finally {
    await rm(scratch, { recursive: true });
  }
} else {
  console.log(`${machine()}. Load ${load().toFixed(1)}.`);
  // In a process each: the memory of one would count what another left.
  for (const name of Object.keys(measurements)) {
    const [code] = await once(fork(fileURLToPath(import.meta.url), [name], { execArgv: ['--expose-gc'] }), 'exit');
    if (code !== 0) process.exitCode = 1;
  }
}
