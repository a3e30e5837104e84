import { existsSync } from 'node:fs';
import { lstat, mkdir, readdir, readFile, rm, stat, symlink, truncate, writeFile } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { join, relative } from 'node:path';
import { PeftError } from '@peft/core';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { makeSandbox, modelFiles, name, type Sandbox } from '../../../test/hub-cache.ts';
import { startDownloader, writeDownloader } from '../../../test/hub-process.ts';
import { etagOf, type HubServer, type LocalServer, sendPart, serve, serveHub } from '../../../test/hub-server.ts';
import { parseHubReference } from '../../hub/reference.ts';
import { sha256File } from '../hash.ts';
import { openBackbone } from '../open.ts';
import { downloadModel, isCached } from './model.ts';

const main = { name, revision: 'main' };
const isHost = process.env.PEFT_BACKEND === 'cpu'; // files are fetched by Node, whatever the backend

describe.runIf(isHost)('the Hub', () => {
  let server: HubServer;
  let box: Sandbox;
  let weights: Buffer;
  const others: LocalServer[] = [];

  beforeEach(async () => {
    const files = await modelFiles();
    weights = Buffer.from(files['model.safetensors']);
    server = await serveHub(name, files);
    box = await makeSandbox(server);
  });
  afterEach(async () => {
    vi.unstubAllEnvs();
    await Promise.all([server, ...others.splice(0)].map(it => it.close()));
    await box.remove();
  });

  /** A server that is not the Hub, until the test ends. */
  async function serveElsewhere(...listener: Parameters<typeof serve>): Promise<LocalServer> {
    const other = await serve(...listener);
    others.push(other);
    return other;
  }

  /** A Hub that wants a token, until the test ends. */
  async function guard(token: string): Promise<HubServer> {
    const guarded = await serveHub(name, server.files, { token });
    others.push(guarded);
    vi.stubEnv('HF_ENDPOINT', guarded.url);
    return guarded;
  }

  /** Ranges of the requests for the weights' bytes, not for their size. */
  const transfers = () =>
    server.requests
      .filter(request => request.includes('model.safetensors') && !request.endsWith('bytes=0-0'))
      .map(request => request.split(' ')[2]);

  const blobOf = (path: string) => join(box.root, 'blobs', etagOf(path, server.files[path]));
  const fails = (pattern: RegExp, code: string) =>
    expect.objectContaining({ name: 'PeftError', code, message: expect.stringMatching(pattern) });
  const arrivesWhole = async () =>
    expect(weights.equals(await readFile(join(await downloadModel(main), 'model.safetensors')))).toBe(true);

  describe('a reference', () => {
    test('names a model and a revision', () => {
      expect(parseHubReference('hf:timm/vit_tiny')).toEqual({ name: 'timm/vit_tiny', revision: 'main' });
      expect(parseHubReference('hf:timm/vit_tiny.in1k@v1.0')).toEqual({ name: 'timm/vit_tiny.in1k', revision: 'v1.0' });
      expect(parseHubReference('hf:a/b@refs/pr/1')).toEqual({ name: 'a/b', revision: 'refs/pr/1' });
    });

    test.each([
      'hf:timm',
      'hf:a/b/c',
      'hf:../b',
      'hf:a/..',
      'hf:a/.b',
      'hf:a/b--c',
      'hf:a/b.git',
      'hf:a/b c',
      'hf:/a/b',
    ])('%s is none', spec => {
      expect(() => parseHubReference(spec)).toThrow(fails(/owner\/name/, 'bad-argument'));
    });

    test.each(['../../x', '/etc/x', 'a/../../x', 'a\\..\\x', 'C:x', 'a//b', 'a/', '.', 'a\u001b[2J', 'x'.repeat(999)])(
      'a revision may not be %j',
      revision => {
        expect(() => parseHubReference(`hf:a/b@${revision}`)).toThrow(
          fails(/is not a revision of a\/b/, 'bad-argument'),
        );
      },
    );
  });

  describe('the words of a server do not become paths', () => {
    const words = (valid: string) =>
      fc.oneof(
        fc.constant(valid),
        fc.string(),
        fc.array(fc.constantFrom('..', '.', '', 'evil', '\\', 'C:')).map(parts => parts.join('/')),
        fc.constantFrom('evil', 'deep/evil').map(file => join(box.folder, file)),
        fc.nat(9).map(levels => `${'../'.repeat(levels)}evil.safetensors`),
      );

    test('whatever it says, all that is made lies in the folder of the model', async () => {
      const hostile = fc.record({
        commit: words(server.claims.commit),
        etag: words('0'),
        shard: words('model-1.safetensors'),
        revision: words('main'),
        isSharded: fc.boolean(),
      });
      await fc.assert(
        fc.asyncProperty(hostile, async ({ commit, etag, shard, revision, isSharded }) => {
          const index = Buffer.from(JSON.stringify({ weight_map: { 'head.weight': shard } }));
          for (const path of Object.keys(server.files)) delete server.files[path];
          const sharded = { 'model.safetensors.index.json': index, [shard]: weights };
          Object.assign(
            server.files,
            { 'config.json': weights },
            isSharded ? sharded : { 'model.safetensors': weights },
          );
          Object.assign(server.claims, { commit, etag });
          const found = await downloadModel({ name, revision }).catch((error: unknown) => error);
          if (typeof found === 'string') expect(found).toBe(join(box.root, 'snapshots', commit));
          else expect(found).toBeInstanceOf(PeftError);
          const allowed = /^a\/b\/c\/cache\/(\.locks\/)?models--someone--pico-vit\//;
          expect((await box.everything()).filter(path => !allowed.test(path))).toEqual([]);
          await rm(box.cache, { recursive: true, force: true });
        }),
        { numRuns: 150, seed: 10 },
      );
    });

    test.each(['../../../../evil', 'main', '0123', '0'.repeat(41), '0'.repeat(40).replace('0', 'A')])(
      'a commit is 40 digits, and not %s',
      async commit => {
        server.claims.commit = commit;
        await expect(downloadModel(main)).rejects.toThrow(fails(/for a commit, not 40/, 'bad-file'));
        expect(await box.everything()).toEqual([]);
      },
    );

    test.each(['../../../../evil', '..', 'a/b', 'a.b', ''])('an ETag is a word, and not "%s"', async etag => {
      server.claims.etag = etag;
      await expect(downloadModel(main)).rejects.toThrow(fails(/ETag .* cannot name a file/, 'bad-file'));
      expect(await box.everything()).toEqual([]);
    });

    test('another commit than the one that was asked for is refused', async () => {
      const revision = 'f'.repeat(40);
      server.intercept = (request, response) => {
        if (!request.url?.includes(revision)) return false;
        response.end(JSON.stringify({ sha: server.claims.commit, siblings: [] }));
        return true;
      };
      await expect(downloadModel({ name, revision })).rejects.toThrow(fails(/answered for commit 0123/, 'bad-file'));
    });

    test('a remembered revision that is no commit is not followed', async () => {
      const elsewhere = join(box.folder, 'home');
      await mkdir(elsewhere);
      for (const [path, content] of Object.entries(server.files)) await writeFile(join(elsewhere, path), content);
      await mkdir(join(box.root, 'refs'), { recursive: true });
      await writeFile(join(box.root, 'refs/main'), relative(join(box.root, 'snapshots'), elsewhere));
      vi.stubEnv('HF_ENDPOINT', 'http://127.0.0.1:1');
      await expect(downloadModel(main)).rejects.toThrow(fails(/Could not get/, 'missing'));
      expect(await isCached(main)).toBe(false);
    });

    test('escape sequences stay out of errors', async () => {
      server.claims.commit = '\u001b[2J\u009b2J\u202e';
      const error = await downloadModel(main).catch((cause: Error) => cause);
      expect((error as Error).message).not.toMatch(/[^\P{C}\n]/u);
    });
  });

  describe('the token', () => {
    test('is sent, whatever it begins with, and asked for where it is missing', async () => {
      const guarded = await guard('secret');
      await expect(downloadModel(main)).rejects.toThrow(fails(/GatedRepo.*HF_TOKEN/, 'missing'));
      vi.stubEnv('HF_TOKEN', 'secret\n');
      expect(await downloadModel(main)).toContain(guarded.claims.commit);
    });

    test('stays with the endpoint when files lie elsewhere, even behind what looks like its cache', async () => {
      const guarded = await guard('hf_secret');
      vi.stubEnv('HF_TOKEN', 'hf_secret');
      const elsewhere = await serveElsewhere((request, response) =>
        sendPart(request, response, weights, { 'x-cache': 'Hit from cloudfront', etag: '"0"' }),
      );
      guarded.claims.storage = elsewhere.url;
      const folder = await downloadModel(main);
      expect(weights.equals(await readFile(join(folder, 'model.safetensors')))).toBe(true);
      expect(elsewhere.requests.length).toBeGreaterThan(0);
      expect(elsewhere.authorizations.filter(sent => sent)).toEqual([]);
    });

    test('does not go to where a link says that Xet tokens are', async () => {
      const guarded = await guard('hf_secret');
      vi.stubEnv('HF_TOKEN', 'hf_secret');
      const elsewhere = await serveElsewhere((_, response) => response.end('{}'));
      guarded.intercept = (request, response) => {
        if (!request.headers.accept?.includes('xet') || !request.url?.endsWith('.safetensors')) return false;
        const links = [`<${elsewhere.url}/a>; rel="xet-auth"`, `<${elsewhere.url}/r>; rel="xet-reconstruction-info"`];
        response.writeHead(200, {
          'content-type': 'application/vnd.xet-fileinfo+json',
          'x-linked-size': weights.length,
          'x-xet-hash': 'f'.repeat(64),
          etag: `"${etagOf('model.safetensors', weights)}"`,
          link: links.join(', '),
        });
        response.end('{}');
        return true;
      };
      await downloadModel(main).catch(() => undefined);
      expect(elsewhere.authorizations.filter(sent => sent)).toEqual([]);
      expect(await isCached(main)).toBe(true);
    });

    test('comes along when a model has moved on the same Hub', async () => {
      const guarded = await guard('hf_secret');
      vi.stubEnv('HF_TOKEN', 'hf_secret');
      guarded.intercept = (request, response) => {
        if (!request.url?.includes('old')) return false;
        response.writeHead(307, { location: request.url.replace('old', 'pico-vit') }).end();
        return true;
      };
      expect(await downloadModel({ name: 'someone/old', revision: 'main' })).toContain('models--someone--old');
    });

    test('that no header can hold is refused', async () => {
      vi.stubEnv('HF_TOKEN', 'hf_\u001bsecret');
      await expect(downloadModel(main)).rejects.toThrow(fails(/token/, 'bad-argument'));
    });

    test.each(['ftp://x/', 'http://', '//'])('a redirect to %s ends the download', async location => {
      server.intercept = (_, response) => {
        response.writeHead(302, { location }).end();
        return true;
      };
      await expect(downloadModel(main)).rejects.toThrow(fails(/neither http nor https/, 'missing'));
    });

    test('redirects end', async () => {
      server.intercept = (request, response) => {
        response.writeHead(302, { location: request.url }).end();
        return true;
      };
      await expect(downloadModel(main)).rejects.toThrow(fails(/more than 10 redirects/, 'missing'));
    });
  });

  describe('a download', () => {
    test('is made once, checked and opened', async () => {
      const opened = await openBackbone(`hf:${name}`);
      expect(opened.labels).toContain('airplane');
      const snapshot = join(box.root, 'snapshots', server.claims.commit);
      expect(opened.weights).toBe(join(snapshot, 'model.safetensors'));
      expect(await opened.weightsHash()).toBe(await sha256File(join(snapshot, 'model.safetensors')));
      const before = server.requests.length;
      await openBackbone(`hf:${name}@${server.claims.commit}`);
      expect(server.requests.length).toBe(before);
      await openBackbone(`hf:${name}`);
      expect(server.requests.slice(before)).toEqual([`GET /api/models/${name}/revision/main`]);
    });

    test('resumes where it was interrupted', async () => {
      const half = Math.floor(weights.length / 2);
      server.breakAfter(half);
      await expect(downloadModel(main)).rejects.toThrow(fails(/try again to resume/, 'missing'));
      const { size } = await stat(`${blobOf('model.safetensors')}.incomplete`);
      expect(size).toBeGreaterThan(0);
      expect(size).toBeLessThanOrEqual(half);
      await arrivesWhole();
      expect(transfers()).toEqual([undefined, `bytes=${size}-`]);
    });

    test('begins anew from a server that gives no parts', async () => {
      await mkdir(join(box.root, 'blobs'), { recursive: true });
      await writeFile(`${blobOf('model.safetensors')}.incomplete`, weights.subarray(0, 1000));
      server.intercept = request => {
        if (request.headers.range !== 'bytes=0-0') delete request.headers.range;
        return false;
      };
      await arrivesWhole();
    });

    test('that resumed from other bytes than the file has is thrown away', async () => {
      await mkdir(join(box.root, 'blobs'), { recursive: true });
      await writeFile(`${blobOf('model.safetensors')}.incomplete`, new Uint8Array(1000));
      await expect(downloadModel(main)).rejects.toThrow(fails(/arrived damaged.*SHA-256/, 'bad-file'));
      await arrivesWhole();
    });

    test.each(['config.json', 'model.safetensors'])(
      'of a %s that is not what its name says is thrown away',
      async path => {
        const right = server.files[path];
        const etag = etagOf(path, right);
        server.files[path] = Buffer.from(right).fill(32, 100, 101);
        server.claims.etag = etag;
        await expect(downloadModel(main)).rejects.toThrow(fails(/arrived damaged and was thrown away/, 'bad-file'));
        expect((await readdir(join(box.root, 'blobs'))).filter(file => file.startsWith(etag))).toEqual([]);
      },
    );

    test('of a small file whose name is its plain SHA-1, as mirrors have it, is right', async () => {
      const small = Buffer.from('hello');
      server.files['preprocessor_config.json'] = small;
      server.intercept = (request, response) => {
        if (!request.url?.endsWith('preprocessor_config.json')) return false;
        sendPart(request, response, small, { etag: '"aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d"' });
        return true;
      };
      expect(await readFile(join(await downloadModel(main), 'preprocessor_config.json'), 'utf8')).toBe('hello');
    });

    /** Sends without an end, as fast as the client takes it. */
    function flood(response: ServerResponse): void {
      const chunk = Buffer.alloc(2 ** 16, ' ');
      const more = () => {
        while (!response.destroyed && response.write(chunk));
      };
      response.on('drain', more);
      more();
    }

    test('stops at the size that was announced', async () => {
      server.intercept = (request, response) => {
        if (!request.url?.endsWith('.safetensors') || request.headers.range === 'bytes=0-0') return false;
        response.writeHead(200);
        flood(response);
        return true;
      };
      await expect(downloadModel(main)).rejects.toThrow(fails(/longer than the \d+ bytes/, 'bad-file'));
      expect(existsSync(`${blobOf('model.safetensors')}.incomplete`)).toBe(false);
    });

    test('reads no answer without an end', async () => {
      server.intercept = (_, response) => {
        response.writeHead(200, { 'content-type': 'application/json' });
        flood(response);
        return true;
      };
      await expect(downloadModel(main)).rejects.toThrow(fails(/answer about .* is over 16777216 bytes/, 'bad-file'));
    });

    test('takes no configuration that is larger than any', async () => {
      server.claims.size = 3e9;
      await expect(downloadModel(main)).rejects.toThrow(fails(/config\.json has 3000000000 bytes/, 'bad-file'));
      expect(await box.everything()).toEqual([]);
    });

    test.each(['<html>', 'null', '{"sha": 3}', '[]', '{"sha": {"toString": 1}}'])(
      'an answer may not be %s',
      async text => {
        server.intercept = (_, response) => {
          response.end(text);
          return true;
        };
        await expect(downloadModel(main)).rejects.toThrow(fails(/answer about someone\/pico-vit@main/, 'bad-file'));
      },
    );

    test('ends in a PeftError, whatever the answers and their headers hold', async () => {
      vi.stubEnv('HF_HUB_DOWNLOAD_TIMEOUT', '1');
      const header = fc.oneof(
        fc.string(),
        fc.constantFrom('0', '-1', '1e9', '9'.repeat(30), 'bytes 0-0/9', 'bytes 5-6/*'),
      );
      const headers = fc.dictionary(
        fc.constantFrom('etag', 'x-linked-etag', 'x-linked-size', 'content-range', 'location', 'x-error-code'),
        header,
      );
      const siblings = [{ rfilename: 'config.json' }, { rfilename: 'model.safetensors.index.json' }];
      const answer = fc.record({
        info: fc.oneof(fc.json(), fc.constant(JSON.stringify({ sha: server.claims.commit, siblings }))),
        status: fc.constantFrom(200, 206, 302, 304, 404, 500),
        headers,
        body: fc.oneof(fc.json(), fc.string()),
      });
      await fc.assert(
        fc.asyncProperty(answer, async ({ info, status, headers, body }) => {
          server.intercept = (request, response) => {
            if (request.url?.includes('/api/')) response.end(info);
            else response.writeHead(status, headers).end(body);
            return true;
          };
          const error = await downloadModel(main).catch((cause: unknown) => cause);
          expect(error).toBeInstanceOf(PeftError);
        }),
        { numRuns: 150, seed: 10 },
      );
    });

    test('does not wait for a server that is silent, before an answer or within one', async () => {
      vi.stubEnv('HF_HUB_DOWNLOAD_TIMEOUT', '2');
      server.intercept = (request, response) => {
        if (!request.url?.endsWith('.safetensors') || request.headers.range === 'bytes=0-0') return false;
        response.writeHead(200, { 'content-length': weights.length });
        response.write(weights.subarray(0, 1000));
        return true;
      };
      await expect(downloadModel(main)).rejects.toThrow(fails(/silent for 2 s.*try again/, 'missing'));
      expect((await stat(`${blobOf('model.safetensors')}.incomplete`)).size).toBe(1000);
      server.intercept = () => true;
      await expect(downloadModel(main)).rejects.toThrow(fails(/silent for 2 s/, 'missing'));
      vi.stubEnv('HF_HUB_DOWNLOAD_TIMEOUT', 'soon');
      await expect(downloadModel(main)).rejects.toThrow(fails(/HF_HUB_DOWNLOAD_TIMEOUT is "soon"/, 'bad-argument'));
    });

    test('is shared by tasks that want it at once', async () => {
      for (let round = 0; round < 5; round++) {
        const folders = await Promise.all([1, 2, 3].map(() => downloadModel(main)));
        expect(new Set(folders).size).toBe(1);
        await arrivesWhole();
        expect(transfers().length).toBe(round + 1);
        await rm(box.cache, { recursive: true });
      }
    });

    test('is shared by processes that want it at once', async () => {
      const program = await writeDownloader(join(box.folder, 'program'));
      const folders = await Promise.all([1, 2, 3].map(() => startDownloader(program, name).ended));
      expect(folders).toEqual(Array(3).fill(join(box.root, 'snapshots', server.claims.commit)));
      expect(transfers().length).toBe(1);
      await arrivesWhole();
    });

    test('of a process that was killed is resumed at once', async () => {
      const program = await writeDownloader(join(box.folder, 'program'));
      const half = Math.floor(weights.length / 2);
      const stalled = new Promise<void>(resolve => {
        server.intercept = (request, response) => {
          if (!request.url?.endsWith('.safetensors') || request.headers.range === 'bytes=0-0') return false;
          response.writeHead(200, { 'content-length': weights.length });
          response.write(weights.subarray(0, half), () => resolve());
          return true;
        };
      });
      const { child, ended } = startDownloader(program, name);
      await stalled;
      const incomplete = `${blobOf('model.safetensors')}.incomplete`;
      await vi.waitFor(async () => expect((await stat(incomplete)).size).toBe(half));
      child.kill('SIGKILL');
      await expect(ended).rejects.toThrow('SIGKILL');
      expect((await box.everything()).filter(path => path.endsWith('.lock')).length).toBe(1);
      server.intercept = () => false;
      await arrivesWhole();
      expect(transfers().at(-1)).toBe(`bytes=${half}-`);
      expect((await box.everything()).filter(path => /\.(lock|incomplete|tmp)$/.test(path))).toEqual([]);
    });

    test('into a cache that cannot be written says so', async () => {
      await writeFile(box.root, 'a file where a folder would be');
      await expect(downloadModel(main)).rejects.toThrow(fails(/Could not keep .*HF_HUB_CACHE/, 'write-failed'));
    });
  });

  describe('what the cache holds', () => {
    const shorten = (path: string) => truncate(path, 1000);
    const alter = async (path: string) => writeFile(path, (await readFile(path)).fill(32, 100, 101));
    const cases = ['config.json', 'model.safetensors'].flatMap(path => [
      [path, 'shortened', shorten] as const,
      [path, 'altered', alter] as const,
    ]);

    test.each(cases)('a %s that was %s is removed, with a word', async (path, _, damage) => {
      await downloadModel(main);
      await damage(blobOf(path));
      vi.stubEnv('HF_HUB_OFFLINE', '1');
      await expect(downloadModel(main)).rejects.toThrow(fails(/was damaged and has been removed/, 'bad-file'));
      expect(existsSync(blobOf(path))).toBe(false);
      vi.stubEnv('HF_HUB_OFFLINE', undefined);
      await arrivesWhole();
      await damage(blobOf(path));
      await expect(downloadModel(main)).rejects.toThrow(fails(/was damaged and has been removed/, 'bad-file'));
      await arrivesWhole();
    });

    test('a blob that Python shares between models is removed with its link; a file outside is not', async () => {
      await downloadModel(main);
      const shared = join(box.cache, 'blobs/ab');
      await mkdir(shared, { recursive: true });
      for (const place of [join(shared, 'f'.repeat(64)), join(box.folder, 'mine')]) {
        await writeFile(place, 'damaged');
        await rm(blobOf('model.safetensors'));
        await symlink(place, blobOf('model.safetensors'));
        await expect(downloadModel(main)).rejects.toThrow(fails(/was damaged and has been removed/, 'bad-file'));
        expect(existsSync(place)).toBe(place.startsWith(box.folder) && !place.startsWith(box.cache));
        await arrivesWhole();
      }
    });

    test('a link to a blob that is gone is mended', async () => {
      await downloadModel(main);
      await rm(blobOf('model.safetensors'));
      await arrivesWhole();
    });

    test('is copied where links are not allowed', async () => {
      vi.stubEnv('HF_HUB_DISABLE_SYMLINKS', '1');
      const pointer = join(await downloadModel(main), 'model.safetensors');
      expect((await lstat(pointer)).isSymbolicLink()).toBe(false);
      await arrivesWhole();
    });

    test('is used with no request by HF_HUB_OFFLINE and localFilesOnly', async () => {
      const folder = await downloadModel(main);
      const before = server.requests.length;
      expect(await downloadModel(main, { localFilesOnly: true })).toBe(folder);
      await expect(openBackbone(`hf:${name}@v2`, { localFilesOnly: true })).rejects.toThrow(
        fails(/pico-vit@v2 is not in .*localFilesOnly forbids/, 'missing'),
      );
      vi.stubEnv('HF_HUB_OFFLINE', '1');
      expect(await downloadModel(main)).toBe(folder);
      await expect(downloadModel({ name, revision: 'v2' })).rejects.toThrow(fails(/HF_HUB_OFFLINE forbids/, 'missing'));
      expect([await isCached(main), await isCached({ name, revision: 'v2' })]).toEqual([true, false]);
      expect(server.requests.length).toBe(before);
    });

    test.each([429, 500, 502, 503, 504])('is used when the Hub answers %i, with a word', async status => {
      const folder = await downloadModel(main);
      server.intercept = (_, response) => {
        response.writeHead(status).end();
        return true;
      };
      const notices: string[] = [];
      const onNotice = (notice: string) => notices.push(notice);
      expect(await downloadModel(main, { onNotice })).toBe(folder);
      expect(notices).toEqual([expect.stringMatching(`answered ${status}.*cached commit .* is used`)]);
      await expect(downloadModel({ name, revision: 'v2' })).rejects.toThrow(fails(/Could not get/, 'missing'));
    });

    test.each([401, 403, 404])('is not used when the Hub answers %i', async status => {
      await downloadModel(main);
      server.intercept = (_, response) => {
        response.writeHead(status).end();
        return true;
      };
      await expect(downloadModel(main)).rejects.toThrow(fails(new RegExp(`answered ${status}`), 'missing'));
    });

    test('is used when there is no connection, a silent one, or one that breaks', async () => {
      const folder = await downloadModel(main);
      vi.stubEnv('HF_HUB_DOWNLOAD_TIMEOUT', '0.3');
      server.intercept = () => true;
      expect(await downloadModel(main)).toBe(folder);
      server.intercept = request => Boolean(request.destroy());
      expect(await downloadModel(main)).toBe(folder);
      vi.stubEnv('HF_ENDPOINT', 'http://127.0.0.1:1');
      expect(await openBackbone(`hf:${name}`)).toMatchObject({ weights: join(folder, 'model.safetensors') });
      await expect(downloadModel({ name, revision: 'v2' })).rejects.toThrow(fails(/ECONNREFUSED|bad port/, 'missing'));
    });
  });

  describe('as in Python', () => {
    test('HF_ENDPOINT may end in slashes, and must be an address', async () => {
      vi.stubEnv('HF_ENDPOINT', `${server.url}//`);
      await downloadModel(main);
      expect(server.requests[0]).toBe(`GET /api/models/${name}/revision/main`);
      for (const endpoint of ['huggingface.co', 'file:///x', 'http://user:secret@x']) {
        vi.stubEnv('HF_ENDPOINT', endpoint);
        await expect(downloadModel(main)).rejects.toThrow(fails(/HF_ENDPOINT is/, 'bad-argument'));
      }
    });

    test('the token is HF_TOKEN, or in HF_TOKEN_PATH, or in HF_HOME', async () => {
      const sent = async () => {
        await downloadModel({ name, revision: 'v0' }).catch(() => undefined);
        return server.authorizations.at(-1);
      };
      expect(await sent()).toBeUndefined();
      await mkdir(join(box.folder, 'home'));
      await writeFile(join(box.folder, 'home/token'), 'hf_home\n');
      expect(await sent()).toBe('Bearer hf_home');
      await writeFile(join(box.folder, 'elsewhere'), ' hf_path\r\n');
      vi.stubEnv('HF_TOKEN_PATH', join(box.folder, 'elsewhere'));
      expect(await sent()).toBe('Bearer hf_path');
      vi.stubEnv('HUGGING_FACE_HUB_TOKEN', 'hf_old');
      expect(await sent()).toBe('Bearer hf_old');
      vi.stubEnv('HF_TOKEN', 'hf_new');
      expect(await sent()).toBe('Bearer hf_new');
      vi.stubEnv('HF_HUB_DISABLE_IMPLICIT_TOKEN', '1');
      expect(await sent()).toBeUndefined();
    });

    test('the cache is HF_HUB_CACHE, HUGGINGFACE_HUB_CACHE, HF_HOME/hub, or under XDG_CACHE_HOME', async () => {
      const at = (path: string) => join(box.folder, path, 'models--someone--pico-vit');
      const places = ['one', 'two', 'three/hub', 'four/huggingface/hub'].map(at);
      vi.stubEnv('HF_HUB_CACHE', join(box.folder, 'one'));
      vi.stubEnv('HUGGINGFACE_HUB_CACHE', join(box.folder, 'two'));
      vi.stubEnv('PLACE', box.folder);
      vi.stubEnv('HF_HOME', '$PLACE/three');
      vi.stubEnv('XDG_CACHE_HOME', join(box.folder, 'four'));
      const found = [await downloadModel(main)];
      for (const variable of ['HF_HUB_CACHE', 'HUGGINGFACE_HUB_CACHE', 'HF_HOME']) {
        vi.stubEnv(variable, undefined);
        found.push(await downloadModel(main));
      }
      expect(found).toEqual(places.map(place => join(place, 'snapshots', server.claims.commit)));
    });

    /** Makes the model one of two shards, with an index that says so. */
    function shard(names: readonly string[]): void {
      delete server.files['model.safetensors'];
      for (const path of names) server.files[path] = Buffer.from(path);
      const weight_map = Object.fromEntries(names.map((path, i) => [`tensor${i}`, path]));
      server.files['model.safetensors.index.json'] = Buffer.from(JSON.stringify({ weight_map }));
    }

    test('weights in several files come with all of them', async () => {
      const names = ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors'];
      shard(names);
      const folder = await downloadModel(main);
      expect((await readdir(folder)).sort()).toEqual(['config.json', ...names, 'model.safetensors.index.json']);
      expect(await readFile(join(folder, names[1]), 'utf8')).toBe(names[1]);
      expect(await isCached(main)).toBe(true);
      await rm(join(folder, names[1]));
      expect(await isCached(main)).toBe(false);
    });

    test('an index that names what is not there, or what is no file of weights, is refused', async () => {
      const path = 'model-1.safetensors';
      shard([path]);
      server.intercept = (request, response) => {
        if (!request.url?.includes('/api/')) return false;
        const siblings = ['config.json', 'model.safetensors.index.json'].map(rfilename => ({ rfilename }));
        response.end(JSON.stringify({ sha: server.claims.commit, siblings }));
        return true;
      };
      await expect(downloadModel(main)).rejects.toThrow(
        fails(/no "model-1\.safetensors", which its .*index/, 'missing'),
      );
      server.intercept = () => false;
      for (const bad of [
        '{',
        '[]',
        '{"weight_map": 1}',
        '{"weight_map": {"a": 1}}',
        '{"weight_map": {"a": "../x.safetensors"}}',
      ]) {
        await rm(box.cache, { recursive: true });
        server.files['model.safetensors.index.json'] = Buffer.from(bad);
        await expect(downloadModel(main)).rejects.toThrow(fails(/index\.json/, 'bad-file'));
      }
    });

    test('a damaged index in the cache is found before it is read', async () => {
      shard(['model-1.safetensors']);
      await downloadModel(main);
      await writeFile(blobOf('model.safetensors.index.json'), '{');
      await expect(downloadModel(main)).rejects.toThrow(fails(/was damaged and has been removed/, 'bad-file'));
      await downloadModel(main);
    });

    test('a model with other formats alone comes with advice', async () => {
      delete server.files['model.safetensors'];
      server.files['pytorch_model.bin'] = new Uint8Array(3);
      await expect(downloadModel(main)).rejects.toThrow(
        fails(
          /has no model\.safetensors.*pytorch_model\.bin.*from_pretrained\("someone\/pico-vit"\)\.save_/,
          'missing',
        ),
      );
      delete server.files['pytorch_model.bin'];
      delete server.files['config.json'];
      await expect(downloadModel(main)).rejects.toThrow(
        fails(/no config\.json, model\.safetensors; it is empty/, 'missing'),
      );
      await expect(downloadModel({ name, revision: 'nope' })).rejects.toThrow(
        fails(/RevisionNotFound.*Check/, 'missing'),
      );
    });

    test('a pinned commit without its preprocessing is asked for, once', async () => {
      const revision = server.claims.commit;
      server.files['preprocessor_config.json'] = Buffer.from('{}');
      const folder = await downloadModel({ name, revision });
      await rm(join(folder, 'preprocessor_config.json')); // as Python leaves a model whose preprocessing nobody wanted
      await downloadModel({ name, revision });
      expect(existsSync(join(folder, 'preprocessor_config.json'))).toBe(true);
      const before = server.requests.length;
      await downloadModel({ name, revision });
      expect(server.requests.length).toBe(before);
    });
  });
});
