import { once } from 'node:events';
import { createServer, type RequestListener, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { PeftError } from '@peft/core';

/** A page that says how far something is. */
export interface Board {
  readonly url: string;
  close(): Promise<void>;
}

export interface BoardOptions {
  /** The port of 127.0.0.1; 0 for any that is free. */
  readonly port: number;
  /** The page as it is now: HTML without scripts, which needs no other file. */
  page(): string;
  /** What answers at and below {@link queuePath}. */
  readonly queue?: RequestListener;
}

/** Where the dashboard of a queue is. */
export const queuePath = '/queue';

/** Seconds after which a browser asks for the page again. */
const refresh = 5;

const headers = {
  'Content-Type': 'text/html; charset=utf-8',
  'Content-Security-Policy': "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
  'Cache-Control': 'no-store',
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  Refresh: String(refresh),
};

const isBelow = (path: string, url = ''): boolean => url === path || url.startsWith(`${path}/`);

const refuse = (response: ServerResponse, status: number, text: string): unknown =>
  response.writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8' }).end(`${text}\n`);

/**
 * Serves a page to browsers on this machine. A page of another site can have its name point here (DNS rebinding), so that only this
 * machine's own names are answered.
 *
 * @throws PeftError `state` if the port is taken
 */
export async function serveBoard({ port, page, queue }: BoardOptions): Promise<Board> {
  const server = createServer((request, response) => {
    const hosts = [`127.0.0.1:${taken}`, `localhost:${taken}`];
    if (!hosts.includes(request.headers.host ?? '')) return refuse(response, 403, `Ask ${hosts[0]}.`);
    if (queue && isBelow(queuePath, request.url)) return queue(request, response);
    if (request.method !== 'GET' && request.method !== 'HEAD') return refuse(response, 405, 'There is only GET.');
    if (request.url !== '/') return refuse(response, 404, 'There is no such page.');
    return response.writeHead(200, headers).end(request.method === 'HEAD' ? undefined : page());
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening').catch((cause: Error) => {
    throw new PeftError('state', `The board cannot be served: ${cause.message}. Give another --board PORT, or 0.`, {
      cause,
    });
  });
  const { port: taken } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${taken}/`,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
