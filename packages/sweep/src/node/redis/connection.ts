import { setTimeout as sleep } from 'node:timers/promises';
import { PeftError } from '@peft/core';
import { Redis } from 'ioredis';

/** The address without its password. */
function shownAddress({ protocol, host, pathname }: URL): string {
  return `${protocol}//${host}${pathname === '/' ? '' : pathname}`;
}

function parse(url: string): URL {
  const found = URL.canParse(url) ? new URL(url) : undefined;
  const isRedis = found?.protocol === 'redis:' || found?.protocol === 'rediss:';
  if (found && isRedis && found.hostname !== '' && /^\/?\d*$/.test(found.pathname)) return found;
  const shown = found ? `; it is ${shownAddress(found)}` : '';
  throw new PeftError(
    'bad-argument',
    `The address of Redis must be redis://[USER:PASSWORD@]HOST[:PORT][/DATABASE], or rediss:// with TLS${shown}.`,
  );
}

function adviceFor(problem: string): string {
  if (/NOAUTH|WRONGPASS|AUTH/.test(problem)) return 'Give its password: redis://:PASSWORD@HOST.';
  if (/DB index/.test(problem)) return 'It has no database of this number: redis-cli config get databases.';
  if (/certificate|self-signed|CERT/i.test(problem))
    return 'Name the file of its certificate authority in NODE_EXTRA_CA_CERTS.';
  return 'Is it running, and does it listen there? TLS needs rediss://.';
}

/** How long to wait for a first connection, in ms. */
const connectTimeout = 10_000;
/** How long a Redis that refuses connections is tried at first, in ms: it may be starting. */
const patience = 5000;
/** The longest wait between two attempts to connect again, in ms. */
const longestWait = 2000;

/** Connects for the first time. */
async function connect(redis: Redis, problem: () => string): Promise<void> {
  for (const since = performance.now(); ; await sleep(200)) {
    try {
      await redis.connect();
      return;
    } catch (error) {
      if (!/ECONNREFUSED/.test(problem()) || performance.now() - since > patience) throw error;
    }
  }
}

/**
 * Connects to Redis. A connection that is lost later is made again, for as long as it takes: what was asked waits meanwhile.
 *
 * @param url `redis://` or, with TLS, `rediss://`. No message has its password.
 * @throws PeftError `bad-argument` for another address; `state` if Redis cannot be reached or refuses, or may throw away jobs
 */
export async function connectRedis(url: string, notice: (text: string) => void = () => {}): Promise<Redis> {
  const address = shownAddress(parse(url));
  let isOpen = false;
  let isGone = false;
  let problem = '';
  const redis = new Redis(url, {
    lazyConnect: true,
    maxRetriesPerRequest: null,
    connectTimeout,
    retryStrategy: attempt => (isOpen ? Math.min(100 * attempt, longestWait) : null),
  });
  redis.on('error', (error: Error) => {
    problem = error.message;
    if (isOpen && !isGone) notice(`${address} is gone (${error.message}); waiting for it.`);
    isGone = isOpen;
  });
  redis.on('ready', () => {
    if (isGone) notice(`${address} is back.`);
    isGone = false;
  });
  try {
    await connect(redis, () => problem);
    problem = '';
    await redis.select(redis.options.db ?? 0); // ioredis goes on in another database where it lacks this one
    await checkMemory(redis);
  } catch (cause) {
    redis.disconnect();
    if (cause instanceof PeftError) throw cause;
    problem ||= (cause as Error).message;
    throw new PeftError('state', `${address} cannot be used: ${problem}. ${adviceFor(problem)}`, { cause });
  }
  isOpen = true;
  return redis;
}

/** Redis must not throw away keys when its memory is full: they are jobs. */
async function checkMemory(redis: Redis): Promise<void> {
  const [, policy] = /maxmemory_policy:(\S+)/.exec(await redis.info('memory')) ?? [];
  if (policy === undefined || policy === 'noeviction' || policy.startsWith('volatile-')) return;
  throw new PeftError(
    'state',
    `Redis may throw away jobs: its maxmemory-policy is ${policy}. Set it to noeviction: redis-cli config set maxmemory-policy noeviction.`,
  );
}
