import { createReadStream } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import type { AppFile, AppFiles } from './app-files.ts';
import { safeHeaders, typeOf } from './headers.ts';
import { policyOf } from './policy.ts';
import { rangeOf } from './range.ts';

/** Says in a line why there is no file. */
function refuse(response: ServerResponse, status: number, text: string, headers: Record<string, string> = {}): void {
  const body = `${text}\n`;
  response.writeHead(status, {
    ...safeHeaders,
    'Content-Security-Policy': policyOf(''),
    'Content-Type': 'text/plain; charset=utf-8',
    'Content-Length': Buffer.byteLength(body),
    ...headers,
  });
  response.end(response.req.method === 'HEAD' ? undefined : body);
}

/** Says which Hub the page asks. */
function sendEndpoint(response: ServerResponse, endpoint: string): void {
  const body = `${JSON.stringify({ endpoint })}\n`;
  response.writeHead(200, {
    ...safeHeaders,
    'Content-Security-Policy': policyOf(''),
    'Content-Type': 'application/json; charset=utf-8',
    'Content-Length': Buffer.byteLength(body),
    'Cache-Control': 'no-store',
  });
  response.end(response.req.method === 'HEAD' ? undefined : body);
}

/** The path that a request asks for; nothing if it is not one. */
function pathOf({ url = '' }: IncomingMessage): string | undefined {
  try {
    return decodeURIComponent(url.replace(/[?#].*/s, ''));
  } catch {
    return undefined;
  }
}

/** Sends a file, or the part that is asked for. Nothing is compressed: it does not leave the machine. */
async function send(
  request: IncomingMessage,
  response: ServerResponse,
  { path, size, tag, isFixed }: AppFile,
  policy: string,
): Promise<void> {
  const caching = isFixed ? 'public, max-age=31536000, immutable' : 'no-cache';
  const headers = { ...safeHeaders, 'Content-Security-Policy': policy, 'Cache-Control': caching, ETag: tag };
  if (request.headers['if-none-match'] === tag) {
    response.writeHead(304, headers).end();
    return;
  }
  const range = rangeOf(request.headers.range, size);
  if (range === 'unsatisfiable') {
    refuse(response, 416, `There are ${size} bytes.`, { 'Content-Range': `bytes */${size}` });
    return;
  }
  const { start, end } = range ?? { start: 0, end: size - 1 };
  response.writeHead(range ? 206 : 200, {
    ...headers,
    'Content-Type': typeOf(path),
    'Content-Length': end - start + 1,
    'Accept-Ranges': 'bytes',
    ...(range && { 'Content-Range': `bytes ${start}-${end}/${size}` }),
  });
  if (request.method === 'HEAD' || size === 0) response.end();
  else await pipeline(createReadStream(path, { start, end }), response);
}

/**
 * Answers requests for the files of a page: GET and HEAD, for hosts by which a browser on this machine knows it. A page of
 * another site can have its name point here (DNS rebinding), and then asks by that name.
 */
export async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  { files, hosts, hub }: { files: AppFiles; hosts: readonly string[]; hub: string | undefined },
): Promise<void> {
  const { method, headers } = request;
  if (!hosts.includes(headers.host ?? '')) {
    return refuse(response, 403, `Host ${JSON.stringify(headers.host ?? '')} is not served; ask ${hosts[0]}.`);
  }
  if (method !== 'GET' && method !== 'HEAD') {
    return refuse(response, 405, 'There is only GET and HEAD.', { Allow: 'GET, HEAD' });
  }
  const path = pathOf(request);
  if (path === undefined) return refuse(response, 400, 'That is not an address.');
  if (path === '/hub.json' && hub !== undefined) return sendEndpoint(response, hub);
  const file = files.get(path);
  if (!file) return refuse(response, 404, 'There is no such file.');
  await send(request, response, file, policyOf(path, hub));
}
