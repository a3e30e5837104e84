import { check, PeftError } from '@peft/core';

/** What to do where the Hub does not give a model, by status. */
function advice(status: number): string {
  if (status === 401 || status === 403)
    return 'There is no such model, or it is private or gated; the studio has no token. Check the name; if it is right, download model.safetensors while you are logged in there, and choose that file.';
  if (status === 404) return 'Check the name and the revision.';
  if (status === 429) return 'The Hub limits the rate of requests: wait a minute.';
  return 'Try again later; what has arrived is kept.';
}

/**
 * Requests a path of the Hub, without cookies or a referrer.
 *
 * @param what the model or its file, for errors
 * @throws PeftError `missing` where there is no network, and for a status other than success
 */
export async function ask(
  endpoint: string,
  path: string,
  what: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(`${endpoint}${path}`, {
      headers,
      credentials: 'omit',
      referrerPolicy: 'no-referrer',
      cache: 'no-store',
    });
  } catch (cause) {
    const why = navigator.onLine ? 'it, or something on the way there, refuses the connection' : 'you are offline';
    throw new PeftError('missing', `${what}: ${endpoint} cannot be reached; ${why}. What has arrived is kept.`, {
      cause,
    });
  }
  const { ok, status } = response;
  if (!ok) await response.body?.cancel();
  check(ok, 'missing', () => `${what}: the Hub answers ${status}. ${advice(status)}`);
  return response;
}

/** The chunks of a body as they arrive; the connection is ended when they are left. */
export async function* chunksOf(response: Response, what: string): AsyncGenerator<Uint8Array, void> {
  const reader = response.body?.getReader();
  if (!reader) return;
  const next = () =>
    reader.read().catch(cause => {
      throw new PeftError('missing', `${what}: the connection broke off. What has arrived is kept: go on to resume.`, {
        cause,
      });
    });
  try {
    for (let read = await next(); !read.done; read = await next()) yield read.value;
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

/** The first bytes of a body, at least so many unless it is shorter. */
export async function firstBytes(response: Response, count: number, what: string): Promise<Uint8Array<ArrayBuffer>> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of chunksOf(response, what)) {
    pieces.push(chunk);
    size += chunk.length;
    if (size >= count) break;
  }
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}
