import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Handler, type Job, type Outcome, PutBack, type Queue, type RetryOptions } from '../src/node/index.ts';

/** A kind of queue, in a fresh place for each test. */
export interface QueueKind {
  open(retry?: Partial<RetryOptions>): Promise<Queue>;
  /** Works in this process. */
  work(handler: Handler, signal: AbortSignal): Promise<void>;
  /** Starts a worker process that takes a job and never ends it. Resolves once it has the job. */
  hang(): Promise<{ kill(): void }>;
  close(): Promise<void>;
}

const job = (id: string, priority = 1): Job => ({ id, priority, data: { of: id } });
const jobs = (count: number): Job[] => Array.from({ length: count }, (_, i) => job(`job-${i}`));

/** Takes outcomes until there are so many. */
async function collect(queue: Queue, count: number): Promise<Map<string, Outcome>> {
  const found = new Map<string, Outcome>();
  while (found.size < count) {
    const outcomes = await queue.outcomes();
    for (const outcome of outcomes) {
      expect(found.has(outcome.id), `${outcome.id} came twice`).toBe(false);
      found.set(outcome.id, outcome);
    }
    await queue.take(outcomes.map(({ id }) => id));
  }
  return found;
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await sleep(10);
}

/** The tests that every queue passes. */
export function conformance(name: string, start: () => Promise<QueueKind>): void {
  describe(`a queue, ${name}`, () => {
    let kind: QueueKind;
    let queue: Queue;
    let stop: AbortController;
    let work: Promise<void>[];
    beforeEach(async () => {
      kind = await start();
      stop = new AbortController();
      work = [];
    });
    afterEach(async () => {
      stop.abort();
      await Promise.all(work);
      await queue.close();
      await kind.close();
    });
    const worker = (handler: Handler, count = 1): void => {
      for (let i = 0; i < count; i++) work.push(kind.work(handler, stop.signal));
    };
    const echo: Handler = async ({ data }) => ({ echoed: data });

    test('gives each job to one worker, and each outcome once', async () => {
      queue = await kind.open();
      const done: string[] = [];
      worker(async ({ id, data }) => {
        done.push(id);
        return { echoed: data };
      }, 3);
      await queue.add(jobs(50));
      await queue.add(jobs(60)); // 50 of them are there
      const found = await collect(queue, 60);
      expect(found.get('job-7')).toEqual({ id: 'job-7', value: { echoed: { of: 'job-7' } } });
      expect(done.sort()).toEqual([...found.keys()].sort());
      expect(await queue.state()).toMatchObject({ waiting: 0, running: [] });
    });

    test('keeps jobs and outcomes until they are taken, whoever schedules', async () => {
      queue = await kind.open();
      await queue.add(jobs(3));
      await queue.close();
      queue = await kind.open();
      expect(await queue.state()).toMatchObject({ waiting: 3 });
      worker(echo);
      await until(async () => (await queue.outcomes()).length === 3);
      await queue.take(['job-0']);
      stop.abort();
      await queue.close();
      queue = await kind.open();
      expect((await queue.outcomes()).map(({ id }) => id).sort()).toEqual(['job-1', 'job-2']);
      await queue.add([job('job-1')]);
      expect(await queue.state()).toMatchObject({ waiting: 0 });
    });

    test('gives out jobs by priority, then in their order', async () => {
      queue = await kind.open();
      await queue.add([job('c', 2), job('a'), job('d', 2), job('b')]);
      const order: string[] = [];
      worker(async ({ id }) => {
        order.push(id);
        return {};
      });
      await collect(queue, 4);
      expect(order).toEqual(['a', 'b', 'c', 'd']);
    });

    test('tries a job again after a failure, and says at last what was wrong', async () => {
      queue = await kind.open({ attempts: 3, backoff: 20 });
      const tries = new Map<string, number>();
      worker(async ({ id }) => {
        const count = (tries.get(id) ?? 0) + 1;
        tries.set(id, count);
        if (id === 'never' || count < 3) throw new Error(`No luck with ${id}, ${count}.`);
        return { count };
      });
      await queue.add([job('third'), job('never')]);
      const found = await collect(queue, 2);
      expect(found.get('third')).toEqual({ id: 'third', value: { count: 3 } });
      expect(found.get('never')).toEqual({ id: 'never', failure: { message: 'No luck with never, 3.', final: false } });
    });

    test('does not try again what cannot succeed', async () => {
      queue = await kind.open({ attempts: 3, backoff: 20 });
      const { PeftError } = await import('@peft/core');
      let tries = 0;
      worker(async () => {
        tries++;
        throw new PeftError('numerics', 'The loss became NaN.');
      });
      await queue.add([job('diverges')]);
      const failure = { message: 'The loss became NaN.', code: 'numerics', final: true };
      expect([...(await collect(queue, 1)).values()]).toEqual([{ id: 'diverges', failure }]);
      expect(tries).toBe(1);
    });

    test('puts a job back for another worker, as often as it takes, and says why', async () => {
      queue = await kind.open({ attempts: 1, backoff: 1 });
      let lacks = 0;
      const lacking: Handler = async () => {
        lacks++;
        throw new PutBack('A worker lacks the data.', 20);
      };
      worker(lacking);
      await queue.add([job('picky')]);
      await until(() => lacks > 3);
      expect((await queue.state()).putBack).toEqual(['A worker lacks the data.']);
      worker(echo);
      expect((await collect(queue, 1)).get('picky')).toMatchObject({ value: { echoed: { of: 'picky' } } });
    });

    test('gives the job of a worker that was killed to another', async () => {
      queue = await kind.open();
      await queue.add([job('lost')]);
      const hung = await kind.hang();
      await until(async () => (await queue.state()).running.length === 1);
      hung.kill();
      worker(echo);
      expect((await collect(queue, 1)).get('lost')).toMatchObject({ value: { echoed: { of: 'lost' } } });
    });

    test('ends a job at which worker after worker dies', async () => {
      queue = await kind.open({ deaths: 1 });
      await queue.add([job('deadly')]);
      for (let death = 0; death < 2; death++) (await kind.hang()).kill();
      worker(echo);
      const [outcome] = (await collect(queue, 1)).values();
      expect(outcome).toMatchObject({ id: 'deadly', failure: { final: false } });
    });

    test('shows what a worker says of its progress', async () => {
      queue = await kind.open();
      let finish: () => void = () => {};
      const finished = new Promise<void>(resolve => {
        finish = resolve;
      });
      worker(async (_, { progress }) => {
        progress({ step: 3 });
        await finished;
        return {};
      });
      await queue.add([job('long')]);
      await until(async () => (await queue.state()).running[0]?.progress?.step === 3);
      finish();
      await collect(queue, 1);
    });

    test('gives out nothing while it is paused', async () => {
      queue = await kind.open();
      await queue.pause();
      let started = 0;
      worker(async () => {
        started++;
        return {};
      });
      await queue.add(jobs(2));
      await sleep(300);
      expect([started, (await queue.state()).waiting]).toEqual([0, 2]);
      await queue.resume();
      await collect(queue, 2);
    });

    test('is cancelled: what waits is dropped, and what runs is interrupted', async () => {
      queue = await kind.open();
      let interrupted = 0;
      worker(async (_, { signal }) => {
        await new Promise<void>(resolve => signal.addEventListener('abort', () => resolve(), { once: true }));
        interrupted++;
        throw new PutBack('', 0);
      });
      await queue.add(jobs(5));
      await until(async () => (await queue.state()).running.length === 1);
      await queue.cancel();
      await until(async () => (await queue.state()).running.length === 0);
      expect([interrupted, (await queue.state()).waiting]).toEqual([1, 0]);
    });

    test('takes back the job of a worker that stops', async () => {
      queue = await kind.open();
      await queue.add([job('first')]);
      const own = new AbortController();
      const stopped = kind.work(async (_, { signal }) => {
        await new Promise<void>(resolve => signal.addEventListener('abort', () => resolve(), { once: true }));
        throw new PutBack('', 0);
      }, own.signal);
      await until(async () => (await queue.state()).running.length === 1);
      own.abort();
      await stopped;
      worker(echo);
      expect((await collect(queue, 1)).get('first')).toMatchObject({ value: {} });
    });

    test('has one scheduler at a time', async () => {
      queue = await kind.open();
      await expect(kind.open()).rejects.toMatchObject({ code: 'state' });
    });
  });
}
