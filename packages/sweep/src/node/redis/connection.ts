import { PeftError } from '@peft/core';
import { Redis } from 'ioredis';

/** The address without its password. */
function shownAddress({ protocol, host, pathname }: URL): string {
  return `${protocol}//${host}${pathname === '/' ? '' : pathname}`;
}

function parse(url: string): URL {
  const found = URL.canParse(url) ? new URL(url) : undefined;
  if (found && (found.protocol === 'redis:' || found.protocol === 'rediss:') && found.hostname !== '') return found;
  throw new PeftError(
    'bad-argument',
    'The address of Redis must be redis://[USER:PASSWORD@]HOST[:PORT][/DATABASE], or rediss:// with TLS.',
  );
}

function adviceFor(problem: string): string {
  if (/NOAUTH|WRONGPASS|AUTH/.test(problem)) return 'Give its password: redis://:PASSWORD@HOST.';
  if (/certificate|self-signed|CERT/i.test(problem))
    return 'Name the file of its certificate authority in NODE_EXTRA_CA_CERTS.';
  return 'Is it running, and does it listen there? TLS needs rediss://.';
}

/** How long to wait for a first connection, in ms. */
const connectTimeout = 10_000;
/** The longest wait between two attempts to connect again, in ms. */
const longestWait = 2000;

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
    problem ||= error.message;
    if (isOpen && !isGone) notice(`${address} is gone (${error.message}); waiting for it.`);
    isGone = isOpen;
  });
  redis.on('ready', () => {
    if (isGone) notice(`${address} is back.`);
    isGone = false;
  });
  try {
    await redis.connect();
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
