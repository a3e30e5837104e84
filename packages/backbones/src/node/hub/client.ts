import { check, quote } from '@peft/core';
import { isCommit } from '../../hub/names.ts';
import type { HubReference } from '../../hub/reference.ts';
import { filePath, type HubFile, maxJsonSize, parseRevision, type Revision, revisionPath } from '../../hub/revision.ts';
import type { HubEnvironment } from './environment.ts';
import { HubFailure } from './failure.ts';
import { type Answer, request } from './request.ts';

export interface FileInfo {
  /** Names the blob. On the Hub, a hash of the content. */
  readonly etag: string;
  /** In bytes. */
  readonly size: number;
}

/** A file's bytes from an offset on. */
export interface FileContent {
  readonly offset: number;
  readonly chunks: AsyncIterable<Uint8Array>;
}

async function readText(answer: Answer, what: string): Promise<string> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of answer.chunks()) {
    size += chunk.length;
    check(size <= maxJsonSize, 'bad-file', () => `The Hub's answer about ${what} is over ${maxJsonSize} bytes long.`);
    pieces.push(chunk);
  }
  return Buffer.concat(pieces).toString('utf8');
}

/** Requests the commit that a revision names, and the paths of its files. */
export async function readRevision(hub: HubEnvironment, { name, revision }: HubReference): Promise<Revision> {
  const what = `${name}@${revision}`;
  const answer = await request(hub, revisionPath({ name, revision }));
  const found = parseRevision(await readText(answer, what), what);
  check(
    !isCommit(revision) || found.commit === revision,
    'bad-file',
    () => `The Hub answered for commit ${found.commit} when asked for ${what}.`,
  );
  return found;
}

const toSize = (text: string | null | undefined): number | undefined =>
  /^\d+$/.test(text ?? '') ? Number(text) : undefined;

/** Requests the ETag and the size of a file. For a large file, the redirect to its storage has them. */
export async function readFileInfo(hub: HubEnvironment, file: HubFile): Promise<FileInfo> {
  const isEnough = (headers: Headers) => headers.has('x-linked-etag') && headers.has('x-linked-size');
  const { headers, discard } = await request(hub, filePath(file), { headers: { range: 'bytes=0-0' }, isEnough });
  await discard();
  const tag = headers.get('x-linked-etag') ?? headers.get('etag') ?? '';
  const etag = /^(?:W\/)?"?([\w-]{1,128})"?$/.exec(tag)?.[1];
  check(
    etag,
    'bad-file',
    () =>
      `The Hub gives ${file.name}/${file.path} the ETag ${quote(tag)}, which cannot name a file. Is HF_ENDPOINT a Hub?`,
  );
  const range = headers.get('content-range')?.split('/').at(-1);
  const size = toSize(headers.get('x-linked-size')) ?? toSize(range ?? headers.get('content-length'));
  check(
    size !== undefined && Number.isSafeInteger(size),
    'bad-file',
    () => `The Hub does not say how large ${file.name}/${file.path} is.`,
  );
  return { etag, size };
}

/** Requests the bytes of a file from `offset` on. A server that ignores ranges sends them from the start. */
export async function readContent(hub: HubEnvironment, file: HubFile, offset: number): Promise<FileContent> {
  const headers = offset > 0 ? { range: `bytes=${offset}-` } : undefined;
  const answer = await request(hub, filePath(file), { headers });
  if (answer.status !== 206) return { offset: 0, chunks: answer.chunks() };
  const start = toSize(/^bytes (\d+)-/.exec(answer.headers.get('content-range') ?? '')?.[1]);
  if (start === offset) return { offset, chunks: answer.chunks() };
  await answer.discard();
  throw new HubFailure(`the server gave another part of ${file.path} than was asked for`, { status: answer.status });
}
