import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A server on this machine, and what it was asked. */
export interface LocalServer {
  readonly url: string;
  /** Method, path and range of each request. */
  readonly requests: string[];
  /** The authorization that each request came with. */
  readonly authorizations: (string | undefined)[];
  close(): Promise<void>;
}

/** What of the Hugging Face Hub a download needs, for one model. */
export interface HubServer extends LocalServer {
  /** By path; may change while the server runs. */
  readonly files: Record<string, Uint8Array>;
  /** What the server says, where it is not the truth. */
  readonly claims: Claims;
  /** Answers before the server does, or leaves a request to it by returning false. */
  intercept: (request: IncomingMessage, response: ServerResponse) => boolean;
  /** Breaks the next answer with content off after so many bytes. */
  breakAfter(bytes: number): void;
}

export interface Claims {
  commit: string;
  /** Files that a revision is said to have, beside those that are there. */
  siblings?: readonly string[];
  /** In place of a file's hash. */
  etag?: string;
  /** In place of a file's size. */
  size?: number;
  /** Another server's address, to which requests for large files are sent on. */
  storage?: string;
}

const hash = (algorithm: string, ...content: (string | Uint8Array)[]): string =>
  content.reduce((digest, piece) => digest.update(piece), createHash(algorithm)).digest('hex');

/** The Hub's names of blobs: SHA-256 for large files, Git's SHA-1 for small ones. */
export const etagOf = (path: string, content: Uint8Array): string =>
  isLarge(path) ? hash('sha256', content) : hash('sha1', `blob ${content.length}\0`, content);

const isLarge = (path: string): boolean => path.endsWith('.safetensors');

export async function serve(listener: RequestListener): Promise<LocalServer> {
  const requests: string[] = [];
  const authorizations: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost');
    requests.push(`${request.method} ${pathname} ${request.headers.range ?? ''}`.trim());
    authorizations.push(request.headers.authorization);
    // As the Hub does, so that pages may ask it.
    response.setHeader('access-control-allow-origin', '*');
    response.setHeader('access-control-expose-headers', 'Content-Range, X-Error-Code');
    listener(request, response);
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    authorizations,
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Answers a request for bytes of a file. */
export function sendPart(request: IncomingMessage, response: ServerResponse, content: Uint8Array, headers = {}): void {
  const range = /bytes=(\d+)-(\d*)/.exec(request.headers.range ?? '');
  const start = Number(range?.[1] ?? 0);
  const end = Math.min(Number(range?.[2] || content.length), content.length - 1);
  const body = content.subarray(start, end + 1);
  const part = range ? { 'content-range': `bytes ${start}-${end}/${content.length}` } : {};
  response.writeHead(range ? 206 : 200, { 'content-length': body.length, ...part, ...headers }).end(body);
}

export async function serveHub(
  name: string,
  files: Record<string, Uint8Array>,
  { token }: { token?: string } = {},
): Promise<HubServer> {
  const claims: Claims = { commit: '0123456789abcdef0123456789abcdef01234567' };
  let remaining = Number.POSITIVE_INFINITY;

  const refuse = (response: ServerResponse, status: number, code: string) =>
    response.writeHead(status, { 'x-error-code': code, 'content-type': 'application/json' }).end('{"error":"no"}');

  const sendInfo = (response: ServerResponse, revision: string, withBlobs: boolean) => {
    if (revision !== 'main' && revision !== claims.commit) return refuse(response, 404, 'RevisionNotFound');
    const known = Object.entries(files).map(([rfilename, content]) => {
      const lfs = isLarge(rfilename) && { lfs: { sha256: claims.etag ?? etagOf(rfilename, content) } };
      return { rfilename, ...(withBlobs && { size: claims.size ?? content.length, ...lfs }) };
    });
    const siblings = [...known, ...(claims.siblings ?? []).map(rfilename => ({ rfilename }))];
    const info = { _id: '1', id: name, sha: claims.commit, siblings, lastModified: '2026-01-01T00:00:00.000Z' };
    return response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(info));
  };

  const sendFile = (request: IncomingMessage, response: ServerResponse, path: string) => {
    const content = files[path];
    if (!content) return refuse(response, 404, 'EntryNotFound');
    const etag = `"${claims.etag ?? etagOf(path, content)}"`;
    const size = claims.size ?? content.length;
    const linked = { 'x-linked-etag': etag, 'x-linked-size': size };
    const headers = { 'x-repo-commit': claims.commit, etag, ...((isLarge(path) || claims.size) && linked) };
    if (claims.storage && isLarge(path)) {
      return response.writeHead(302, { ...headers, location: `${claims.storage}/${path}` }).end();
    }
    const isProbe = request.headers.range === 'bytes=0-0';
    if (isProbe || remaining >= content.length) return sendPart(request, response, content, headers);
    response.writeHead(200, { 'content-length': content.length, ...headers });
    response.write(content.subarray(0, remaining), () => response.destroy());
    remaining = Number.POSITIVE_INFINITY;
    return response;
  };

  const local = await serve((request, response) => {
    if (server.intercept(request, response)) return undefined;
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost');
    if (token && request.headers.authorization !== `Bearer ${token}`) return refuse(response, 401, 'GatedRepo');
    const info = new RegExp(`^/api/models/${name}/revision/(.+)$`).exec(pathname);
    if (info) return sendInfo(response, decodeURIComponent(info[1]), searchParams.has('blobs'));
    const file = new RegExp(`^/${name}/resolve/[^/]+/(.+)$`).exec(pathname);
    return file ? sendFile(request, response, decodeURIComponent(file[1])) : refuse(response, 404, 'RepoNotFound');
  });
  const server: HubServer = {
    ...local,
    files,
    claims,
    intercept: () => false,
    breakAfter: bytes => {
      remaining = bytes;
    },
  };
  return server;
}
