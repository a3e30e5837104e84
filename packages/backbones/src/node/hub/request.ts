import type { HubEnvironment } from './environment.ts';
import { HubFailure } from './failure.ts';

const maxRedirects = 10;

export interface RequestOptions {
  readonly headers?: Readonly<Record<string, string>>;
  /** Whether the headers of a redirect are enough, so that it is not followed. */
  isEnough?(redirect: Headers): boolean;
}

/** An answer whose body has not been read. The caller reads or discards it. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** The body as it arrives. */
  chunks(): AsyncGenerator<Uint8Array, void>;
  discard(): Promise<void>;
}

/** Waits for a server. Fails with a HubFailure when it is silent for `timeout` ms, or when the connection fails. */
async function withTimeout<T>(
  timeout: number,
  host: string,
  control: AbortController,
  wait: () => Promise<T>,
): Promise<T> {
  const timer = setTimeout(() => control.abort(), timeout);
  try {
    return await wait();
  } catch (cause) {
    if (control.signal.aborted) throw new HubFailure(`${host} was silent for ${timeout / 1000} s`, { cause });
    const reason = (cause as Error).cause ?? cause; // fetch says "fetch failed", and why in its cause
    const { code, message } = reason as { code?: string; message?: string };
    throw new HubFailure(`the connection to ${host} failed (${code ?? message})`, { cause });
  } finally {
    clearTimeout(timer);
  }
}

function redirectOf(response: Response, url: URL): URL | undefined {
  const location = response.headers.get('location');
  if (response.status < 300 || response.status > 399 || location === null) return undefined;
  const target = URL.canParse(location, url) ? new URL(location, url) : undefined;
  if (!target || !/^https?:$/.test(target.protocol) || target.username || target.password) {
    throw new HubFailure(`${url.host} redirects to an address that is neither http nor https`, {
      status: response.status,
    });
  }
  return target;
}

async function* readChunks(response: Response, wait: <T>(read: () => Promise<T>) => Promise<T>) {
  const reader = response.body?.getReader();
  if (!reader) return;
  try {
    for (let read = await wait(() => reader.read()); !read.done; read = await wait(() => reader.read()))
      yield read.value;
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

/**
 * Requests a path of the endpoint. Follows redirects by hand, so that only the endpoint's own origin is sent the token.
 *
 * @throws HubFailure without an answer in time, or for a status other than success
 */
export async function request(
  { endpoint, origin, token, timeout }: HubEnvironment,
  path: string,
  { headers = {}, isEnough = () => false }: RequestOptions = {},
): Promise<Answer> {
  const control = new AbortController();
  let url = new URL(`${endpoint}${path}`);
  const wait = <T>(work: () => Promise<T>): Promise<T> => withTimeout(timeout, url.host, control, work);
  for (let hop = 0; ; hop++) {
    const all = new Headers({ ...headers, 'accept-encoding': 'identity' }); // a compressed copy has another size and ETag
    if (token && url.origin === origin) all.set('authorization', `Bearer ${token}`);
    const response = await wait(() => fetch(url, { headers: all, redirect: 'manual', signal: control.signal }));
    const discard = async () => response.body?.cancel();
    const target = redirectOf(response, url);
    if (!target || isEnough(response.headers)) {
      if (!response.ok && !target) {
        await discard();
        const code = response.headers.get('x-error-code') ?? '';
        const why = /^\w{1,40}$/.test(code) ? ` (${code})` : '';
        throw new HubFailure(`${url.host} answered ${response.status}${why}`, { status: response.status });
      }
      return { status: response.status, headers: response.headers, chunks: () => readChunks(response, wait), discard };
    }
    await discard();
    if (hop === maxRedirects) {
      throw new HubFailure(`more than ${maxRedirects} redirects, the last to ${target.host}`, {
        status: response.status,
      });
    }
    url = target;
  }
}
