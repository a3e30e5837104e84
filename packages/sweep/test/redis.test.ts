import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { bundle, start } from '@peft/vitest/child';
import { freePort } from '@peft/vitest/free-port';
import { noRedis, type RedisOptions, redisIn, type TestRedis } from '@peft/vitest/redis';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Handler, type Job, PutBack, type Queue } from '../src/node/index.ts';
import { openRedisQueue, workAtRedis } from '../src/node/redis/index.ts';
import { conformance } from './conformance.ts';
import { roundTrip } from './round-trip.ts';

if (noRedis) console.warn(`The queue on Redis is not tested: ${noRedis}.`);

describe.skipIf(noRedis)('Redis', () => {
  let scratch: string;
  let program: string;
  let redis: TestRedis;
  const started: TestRedis[] = [];
  const startRedis = async (name: string, options?: RedisOptions): Promise<TestRedis> => {
    await mkdir(join(scratch, name));
    const server = await redisIn(join(scratch, name), options);
    started.push(server);
    return server;
  };
  beforeAll(async () => {
    scratch = await mkdtemp(join(tmpdir(), 'peft-redis-'));
    program = await bundle(new URL('children/hang.ts', import.meta.url).pathname, scratch);
    redis = await startRedis('plain');
  });
  afterAll(async () => {
    await Promise.all(started.map(server => server.stop()));
    await rm(scratch, { recursive: true });
  });

  const forget = async (): Promise<void> => {
    const client = new Redis(redis.url);
    await client.flushall();
    client.disconnect();
  };

  conformance('on Redis', async () => ({
    open: retry => openRedisQueue(redis.url, { retry }),
    work: (handler, signal) => workAtRedis(redis.url, handler, signal, { silence: 4000 }), // a busy machine may keep it waiting
    hang: () =>
      new Promise(resolve => {
        const { kill } = start(program, [redis.url], () => resolve({ kill }));
      }),
    close: forget,
  }));

  describe('that is killed while jobs are done', () => {
    test('comes back with every job, and none is done for nothing', async () => {
      const notices: string[] = [];
      const queue = await openRedisQueue(redis.url, { notice: text => notices.push(text) });
      const stop = new AbortController();
      const work = workAtRedis(
        redis.url,
        async ({ id }) => {
          await sleep(20);
          return { id };
        },
        stop.signal,
        { silence: 1000 },
      );
      await queue.add(Array.from({ length: 40 }, (_, i) => ({ id: `job-${i}`, priority: 1, data: {} })));
      await sleep(200);
      const back = redis.kill(500);
      const found = new Set<string>();
      while (found.size < 40) {
        const outcomes = await queue.outcomes();
        for (const { id } of outcomes) found.add(id);
        await queue.take(outcomes.map(({ id }) => id));
      }
      await back;
      stop.abort();
      await work;
      await queue.close();
      await forget();
      expect(notices[0]).toMatch(/^redis:\/\/localhost:\d+ is gone \(.*\); waiting for it\.$/);
      expect(notices.at(-1)).toMatch(/is back\.$/);
    });

    test('lets go of a scheduler that is interrupted', async () => {
      const own = await startRedis('gone');
      const stop = new AbortController();
      const queue = await openRedisQueue(own.url, { signal: stop.signal });
      await own.stop();
      started.splice(started.indexOf(own), 1);
      const asked = queue.state();
      const refused = expect(asked).rejects.toThrow();
      await sleep(100);
      stop.abort();
      await refused;
      await queue.close();
    });
  });

  const done = [{ id: '1234567890123456', value: { done: true } }];

  describe('is refused without a word of the password', () => {
    const refusal = async (url: string): Promise<string> => {
      const error = await openRedisQueue(url).catch((found: unknown) => found);
      expect(error).toMatchObject({ name: 'PeftError' });
      const { message } = error as Error;
      expect(message).not.toContain('s3cret');
      return message;
    };

    test('with a wrong one, or none', async () => {
      const { url } = await startRedis('password', { password: 's3cret' });
      expect(await roundTrip(url)).toEqual(done);
      expect(await refusal(url.replace('s3cret', 's3cret-no-more'))).toMatch(
        /^redis:\/\/localhost:\d+ cannot be used: WRONGPASS .* Give its password: redis:\/\/:PASSWORD@HOST\.$/,
      );
      expect(await refusal(url.replace(':s3cret@', ''))).toMatch(/cannot be used: NOAUTH .* Give its password/);
    });

    test('with a certificate that nobody knows', async () => {
      const [cert, key] = [join(scratch, 'cert.pem'), join(scratch, 'key.pem')];
      const request = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '1', '-subj', '/CN=localhost'];
      execFileSync('openssl', [...request, '-keyout', key, '-out', cert], { stdio: 'ignore' });
      const { url } = await startRedis('tls', { password: 's3cret', tls: { cert, key } });
      expect(await refusal(url)).toMatch(/^rediss:.* cannot be used: .*certificate.* NODE_EXTRA_CA_CERTS\.$/);
      const client = await bundle(new URL('children/round-trip.ts', import.meta.url).pathname, join(scratch, 'tls'));
      const words = execFileSync(process.execPath, [client, url], {
        env: { ...process.env, NODE_EXTRA_CA_CERTS: cert },
        encoding: 'utf8',
      });
      expect(JSON.parse(words)).toEqual(done);
    });

    test('where nobody listens, and for another kind of address', async () => {
      const nowhere = `redis://:s3cret@localhost:${await freePort()}`;
      expect(await refusal(nowhere)).toMatch(/cannot be used: .*ECONNREFUSED.* Is it running/);
      expect(await refusal('redis://user:s3cret@no-such-host.invalid')).toMatch(/cannot be used: .*no-such-host/);
      expect(await refusal('http://:s3cret@localhost')).toMatch(/address of Redis must be redis:/);
    });

    test('where it may throw away jobs', async () => {
      const options = ['--maxmemory', '100mb', '--maxmemory-policy', 'allkeys-lru'];
      const { url } = await startRedis('lru', { options });
      expect(await refusal(url)).toMatch(/its maxmemory-policy is allkeys-lru\. Set it to noeviction/);
    });
  });

  describe('that is not as it should be', () => {
    test('is refused where it has no such database', async () => {
      const { url } = await startRedis('few', { options: ['--databases', '2'] });
      expect(await roundTrip(`${url}/1`)).toEqual(done);
      for (const name of ['2', 'tests', '1/2', '-1'])
        await expect(openRedisQueue(`${url}/${name}`)).rejects.toMatchObject({
          name: 'PeftError',
          message: expect.stringContaining(`/${name}`),
        });
    });

    test('is waited for while it starts', async () => {
      const own = await startRedis('starting');
      const back = own.kill(2000);
      await sleep(500);
      expect(await roundTrip(own.url)).toEqual(done);
      await back;
    });
  });

  const jobs = (count: number): Job[] =>
    Array.from({ length: count }, (_, i) => ({ id: `job-${i}`, priority: 1, data: {} }));

  test('is not told again and again of jobs that it has', async () => {
    const queue = await openRedisQueue(redis.url);
    const client = new Redis(redis.url);
    const calls = async (): Promise<number> => {
      const stats = await client.info('commandstats');
      return [...stats.matchAll(/^cmdstat_evalsha:calls=(\d+)/gm)].reduce((sum, [, count]) => sum + Number(count), 0);
    };
    await queue.add(jobs(100));
    const before = await calls();
    for (let i = 0; i < 20; i++) await queue.add(jobs(101));
    expect((await calls()) - before).toBe(1);
    expect((await queue.state()).waiting).toBe(101);
    client.disconnect();
    await queue.close();
    await forget();
  });

  test('is told again of jobs that it forgot', async () => {
    const own = await startRedis('forgetful');
    const queue = await openRedisQueue(own.url);
    await queue.add(jobs(3));
    const back = own.kill(500);
    await rm(join(scratch, 'forgetful', 'appendonlydir'), { recursive: true });
    await back;
    expect((await queue.state()).waiting).toBe(0);
    await queue.add(jobs(3));
    expect((await queue.state()).waiting).toBe(3);
    await queue.close();
  });

  test('has the jobs of one sweep, until they are taken or cancelled', async () => {
    const open = (owner: string): Promise<Queue> => openRedisQueue(redis.url, { owner });
    let queue = await open('first');
    await queue.add(jobs(2));
    await queue.close();
    await expect(open('second')).rejects.toMatchObject({
      code: 'state',
      message: expect.stringMatching(/another sweep/),
    });
    queue = await open('first');
    const stop = new AbortController();
    const hang: Handler = (_, { signal }) =>
      new Promise((_, reject) => {
        signal.addEventListener('abort', () => reject(new PutBack('', 0)));
      });
    const work = workAtRedis(redis.url, hang, stop.signal, { silence: 1000 });
    while ((await queue.state()).running.length === 0) await sleep(20);
    await queue.cancel();
    while ((await queue.state()).running.length > 0) await sleep(20);
    await queue.close();
    stop.abort();
    await work;
    queue = await open('second');
    await queue.close();
    await forget();
  });
});
