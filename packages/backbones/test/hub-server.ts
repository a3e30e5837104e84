import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What of the Hugging Face Hub a download needs, for one model, on this machine. */
export interface HubServer {
  readonly url: string;
  readonly commit: string;
  /** Requests so far: method, path and range. */
  readonly requests: string[];
  /** Breaks the next answer with content off after so many bytes. */
  breakAfter(bytes: number): void;
  close(): Promise<void>;
}

const hash = (algorithm: string, content: Uint8Array): string => createHash(algorithm).update(content).digest('hex');

export async function serveHub(
  name: string,
  files: Record<string, Uint8Array>,
  { token }: { token?: string } = {},
): Promise<HubServer> {
  const commit = '0123456789abcdef0123456789abcdef01234567';
  const requests: string[] = [];
  let remaining = Number.POSITIVE_INFINITY;

  const send = (response: ServerResponse, status: number, body: string | Uint8Array, headers = {}) =>
    response.writeHead(status, headers).end(body);

  const sendInfo = (response: ServerResponse, revision: string) => {
    if (revision !== 'main' && revision !== commit) {
      return send(response, 404, JSON.stringify({ error: 'Revision not found' }), {
        'content-type': 'application/json',
      });
    }
    const siblings = Object.keys(files).map(rfilename => ({ rfilename }));
    const info = { _id: '1', id: name, sha: commit, siblings, lastModified: '2026-01-01T00:00:00.000Z' };
    return send(response, 200, JSON.stringify(info), { 'content-type': 'application/json' });
  };

  const sendFile = (request: IncomingMessage, response: ServerResponse, path: string) => {
    const content = files[path];
    if (!content) return send(response, 404, '', { 'x-error-code': 'EntryNotFound' });
    const range = /bytes=(\d+)-(\d*)/.exec(request.headers.range ?? '');
    const [start, end] = [Number(range?.[1] ?? 0), Math.min(Number(range?.[2] || content.length), content.length - 1)];
    const body = content.subarray(start, end + 1);
    const large = content.length > 1000;
    response.writeHead(range ? 206 : 200, {
      'content-length': body.length,
      'content-range': `bytes ${start}-${end}/${content.length}`,
      etag: `"${hash('sha1', content)}"`,
      ...(large && { 'x-linked-etag': `"${hash('sha256', content)}"` }),
    });
    if (body.length <= 1 || remaining >= body.length) return response.end(body);
    response.write(body.subarray(0, remaining), () => response.destroy());
    remaining = Number.POSITIVE_INFINITY;
    return response;
  };

  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost');
    requests.push(`${request.method} ${pathname} ${request.headers.range ?? ''}`.trim());
    if (token && request.headers.authorization !== `Bearer ${token}`) return send(response, 401, 'Unauthorized');
    const info = new RegExp(`^/api/models/${name}/revision/(.+)$`).exec(pathname);
    if (info) return sendInfo(response, decodeURIComponent(info[1]));
    const file = new RegExp(`^/${name}/resolve/${commit}/(.+)$`).exec(pathname);
    return file ? sendFile(request, response, file[1]) : send(response, 404, 'Not found');
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    commit,
    requests,
    breakAfter: bytes => {
      remaining = bytes;
    },
    close: () => new Promise(resolve => server.close(() => resolve())),
  };
}
