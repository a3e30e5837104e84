import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { type IncomingHttpHeaders, request } from 'node:http';
import { connect } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ServedStudio, serveStudio } from '../../src/server/index.ts';

const digits = '0123456789';
let outside: string;
let folder: string;
let studio: ServedStudio;
let port: number;

beforeAll(async () => {
  outside = await mkdtemp(join(tmpdir(), 'peft-studio-'));
  folder = join(outside, 'app');
  await mkdir(join(folder, 'assets'), { recursive: true });
  const files = {
    'index.html': '<!doctype html><title>studio</title>',
    'icon.svg': '<svg/>',
    'with space.txt': 'spaced',
    'assets/app-1a2b.js': 'export {};',
    'assets/app-1a2b.css': 'a{}',
    'assets/hub.worker-B3_x-9.js': 'export {};',
    'assets/ort.mjs': 'export {};',
    'assets/ort.wasm': '\0asm',
    'assets/digits.safetensors': digits,
    'assets/empty.txt': '',
    '../secret.txt': 'secret',
  };
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  await symlink(join(outside, 'secret.txt'), join(folder, 'link.txt'));
  studio = await serveStudio({ port: 0, folder });
  port = Number(new URL(studio.url).port);
});
afterAll(async () => {
  await studio.close();
  await rm(outside, { recursive: true });
});

interface Answer {
  status: number | undefined;
  headers: IncomingHttpHeaders;
  body: string;
}

/** Asks for a path as it is, which `fetch` would tidy. */
const ask = (path: string, { method = 'GET', headers = {} }: { method?: string; headers?: object } = {}) =>
  new Promise<Answer>((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port, path, method, headers: { ...headers } }, async response => {
      let body = '';
      for await (const part of response.setEncoding('utf8')) body += part;
      resolve({ status: response.statusCode, headers: response.headers, body });
    });
    asked.on('error', reject).end();
  });

test('the page, at a port that is free', async () => {
  expect(studio.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/$/);
  const [root, index] = [await ask('/'), await ask('/index.html?seed=1')];
  expect(root).toMatchObject({ status: 200, body: '<!doctype html><title>studio</title>' });
  expect(index.body).toBe(root.body);
  expect((await ask('/with%20space.txt')).body).toBe('spaced');
});

test.each([
  ['/', 'text/html; charset=utf-8'],
  ['/icon.svg', 'image/svg+xml; charset=utf-8'],
  ['/assets/app-1a2b.js', 'text/javascript; charset=utf-8'],
  ['/assets/app-1a2b.css', 'text/css; charset=utf-8'],
  ['/assets/ort.mjs', 'text/javascript; charset=utf-8'],
  ['/assets/ort.wasm', 'application/wasm'],
  ['/assets/digits.safetensors', 'application/octet-stream'],
])('%s is %s', async (path, type) => {
  expect((await ask(path)).headers['content-type']).toBe(type);
});

describe('every answer', () => {
  const answers = ['/', '/assets/ort.wasm', '/none', '/%'] as const;

  test.each(answers)('isolates the page: %s', async path => {
    expect((await ask(path)).headers).toMatchObject({
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-embedder-policy': 'require-corp',
      'cross-origin-resource-policy': 'same-origin',
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
    });
  });

  test.each(answers)('has a policy: %s', async path => {
    const policy = String((await ask(path)).headers['content-security-policy']).split('; ');
    expect(policy).toContain("default-src 'self'");
    expect(policy).toContain("script-src 'self' 'wasm-unsafe-eval'");
    expect(policy).toContain("object-src 'none'");
    expect(policy).toContain("base-uri 'none'");
    expect(policy).toContain("frame-ancestors 'none'");
  });
});

describe('what a browser has already', () => {
  test('is asked for again by its tag, unless its name tells its content', async () => {
    const { headers } = await ask('/');
    expect(headers['cache-control']).toBe('no-cache');
    const again = await ask('/', { headers: { 'If-None-Match': headers.etag } });
    expect(again).toMatchObject({ status: 304, body: '' });
    expect((await ask('/', { headers: { 'If-None-Match': '"other"' } })).status).toBe(200);
    expect((await ask('/assets/app-1a2b.js')).headers['cache-control']).toMatch(/immutable/);
  });
});

describe('parts of a file', () => {
  const path = '/assets/digits.safetensors';
  test.each([
    ['bytes=2-4', 206, '234', 'bytes 2-4/10'],
    ['bytes=7-', 206, '789', 'bytes 7-9/10'],
    ['bytes=-3', 206, '789', 'bytes 7-9/10'],
    ['bytes=-30', 206, digits, 'bytes 0-9/10'],
    ['bytes=8-99', 206, '89', 'bytes 8-9/10'],
    ['bytes=10-', 416, 'There are 10 bytes.\n', 'bytes */10'],
    ['bytes=-0', 416, 'There are 10 bytes.\n', 'bytes */10'],
    ['bytes=1-2,4-5', 200, digits, undefined],
    ['bytes=4-2', 200, digits, undefined],
    ['bytes=-', 200, digits, undefined],
    ['lines=1-2', 200, digits, undefined],
  ])('%s', async (range, status, body, contentRange) => {
    const answer = await ask(path, { headers: { Range: range } });
    expect(answer).toMatchObject({ status, body });
    expect(answer.headers['content-range']).toBe(contentRange);
    expect(answer.headers['content-length']).toBe(String(body.length));
  });
});

test('HEAD has the headers alone', async () => {
  const [get, head] = [await ask('/'), await ask('/', { method: 'HEAD' })];
  expect(head).toMatchObject({ status: 200, body: '' });
  expect(head.headers['content-length']).toBe(get.headers['content-length']);
  expect(await ask('/none', { method: 'HEAD' })).toMatchObject({ status: 404, body: '' });
  expect(await ask('/assets/empty.txt')).toMatchObject({ status: 200, body: '' });
});

test.each(['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH'])('%s is refused', async method => {
  const answer = await ask('/', { method });
  expect(answer.status).toBe(405);
  expect(answer.headers.allow).toBe('GET, HEAD');
});

test.each([
  ['/../secret.txt', 404],
  ['/assets/../../secret.txt', 404],
  ['/%2e%2e/secret.txt', 404],
  ['/..%2fsecret.txt', 404],
  ['/assets/..%5c..%5csecret.txt', 404],
  ['/link.txt', 404],
  ['//secret.txt', 404],
  ['/assets', 404],
  ['/assets/', 404],
  ['/index.html%00.js', 404],
  ['/%', 400],
  ['/%ff', 400],
])('%s does not leave the folder', async (path, status) => {
  const answer = await ask(path);
  expect(answer.status).toBe(status);
  expect(answer.body).not.toContain('secret');
});

describe('the Hub', () => {
  const connects = ({ headers }: Awaited<ReturnType<typeof ask>>): string | undefined =>
    /connect-src ([^;]*)/.exec(String(headers['content-security-policy']))?.[1];
  const hosts = "'self' https://huggingface.co https://*.huggingface.co https://*.hf.co";

  test('may be asked by one worker, and by nothing else', async () => {
    expect(connects(await ask('/assets/hub.worker-B3_x-9.js'))).toBe(hosts);
    for (const path of ['/', '/assets/app.js', '/nothing.js']) expect(connects(await ask(path))).toBe("'self'");
  });

  test('may be a mirror, which the page is told', async () => {
    const mirrored = await serveStudio({ port: 0, folder, hub: 'http://127.0.0.1:9/mirror/' });
    try {
      const [told, worker] = await Promise.all(
        ['hub.json', 'assets/hub.worker-B3_x-9.js'].map(path => fetch(`${mirrored.url}${path}`)),
      );
      expect(await told!.json()).toEqual({ endpoint: 'http://127.0.0.1:9/mirror' });
      expect(worker!.headers.get('content-security-policy')).toContain(`connect-src ${hosts} http://127.0.0.1:9;`);
    } finally {
      await mirrored.close();
    }
  });

  test.each(['huggingface.co', 'file:///x', 'http://user:secret@x'])('must have an address: %s', async hub => {
    await expect(serveStudio({ port: 0, folder, hub })).rejects.toMatchObject({ code: 'bad-argument' });
  });
});

describe('a name that points here', () => {
  test.each(['evil.example', 'evil.example:80', '127.0.0.1', 'localhost', '127.0.0.1:1', '[::1]'])(
    'is refused: %s',
    async host => {
      expect(await ask('/', { headers: { host } })).toMatchObject({ status: 403 });
    },
  );

  test('is served if it is this machine', async () => {
    expect((await ask('/', { headers: { host: `localhost:${port}` } })).status).toBe(200);
  });

  test('is refused if there is none', async () => {
    const answer = await new Promise<string>((resolve, reject) => {
      const socket = connect(port, '127.0.0.1', () => socket.write('GET / HTTP/1.0\r\n\r\n'));
      let text = '';
      socket.on('data', part => {
        text += part;
      });
      socket.on('end', () => resolve(text)).on('error', reject);
    });
    expect(answer).toMatch(/^HTTP\/1\.1 403 /);
  });
});

test('other machines do not reach it', async () => {
  const addresses = Object.values(networkInterfaces()).flat();
  const external = addresses.find(address => address && !address.internal && address.family === 'IPv4')?.address;
  if (external === undefined) return; // a machine without a network
  const reached = new Promise((resolve, reject) => {
    connect(port, external, () => resolve('reached')).on('error', reject);
  });
  await expect(reached).rejects.toThrow(/ECONNREFUSED/);
});

test('a port that is taken, and a page that is not built, are errors that say what to do', async () => {
  const taken = serveStudio({ port, folder });
  await expect(taken).rejects.toMatchObject({
    code: 'bad-argument',
    message: `Port ${port} is in use; give another one, or 0 for any that is free.`,
  });
  const unbuilt = serveStudio({ port: 0, folder: join(outside, 'nowhere') });
  await expect(unbuilt).rejects.toMatchObject({ code: 'missing', message: expect.stringContaining('no index.html') });
});

test('it ends, though a connection is open', async () => {
  const other = await serveStudio({ port: 0, folder });
  const socket = connect(Number(new URL(other.url).port), '127.0.0.1');
  await new Promise(resolve => socket.once('connect', resolve));
  await other.close();
  await expect(fetch(other.url)).rejects.toThrow();
});
