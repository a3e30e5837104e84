import {
  checkReference,
  config,
  filePath,
  type HubReference,
  maxJsonSize,
  parseRevision,
  processor,
  revisionPath,
  single,
  wantedFiles,
} from '@peft/backbones/hub';
import { check, headerLength, type Json, PeftError } from '@peft/core';
import type { FoundModel, HubQuestion } from '../worker/protocol.ts';
import { ask, firstBytes } from './ask.ts';
import { receivedOf } from './files.ts';

/** Reads `owner/name[@revision]`, which may follow `hf:` or the address of the Hub. */
function referenceOf(text: string): HubReference {
  const [name = '', revision = 'main'] = text
    .trim()
    .replace(/^hf:|^https:\/\/huggingface\.co\//, '')
    .replace(/\/$/, '')
    .split('@');
  const reference = { name, revision };
  checkReference(reference);
  return reference;
}

async function textOf(endpoint: string, path: string, what: string): Promise<string> {
  const bytes = await firstBytes(await ask(endpoint, path, what), maxJsonSize + 1, what);
  check(bytes.length <= maxJsonSize, 'bad-file', () => `${what} has over ${maxJsonSize} bytes; is it another file?`);
  return new TextDecoder().decode(bytes);
}

async function jsonOf(endpoint: string, path: string, what: string): Promise<Json> {
  const text = await textOf(endpoint, path, what);
  try {
    return JSON.parse(text) as Json;
  } catch (cause) {
    throw new PeftError('bad-file', `${what} is not valid JSON: ${(cause as Error).message}`, { cause });
  }
}

/** A part of a file, from `begin` to before `end`; a server that ignores ranges sends the whole. */
async function part(endpoint: string, path: string, what: string, begin: number, end: number): Promise<Uint8Array> {
  const response = await ask(endpoint, path, what, { range: `bytes=${begin}-${end - 1}` });
  const skipped = response.status === 206 ? 0 : begin;
  const bytes = await firstBytes(response, skipped + end - begin, what);
  return bytes.slice(skipped, skipped + end - begin);
}

/**
 * Asks the Hub for what a model is: its configuration and the names and shapes of its weights, which are not downloaded.
 *
 * @throws PeftError `bad-argument` for a name that is none; `missing` for what the Hub does not have or give; `not-supported`
 * for weights in several files; `bad-file` for an answer that is not the Hub's
 */
export async function findModel({ endpoint, model }: HubQuestion): Promise<FoundModel> {
  const reference = referenceOf(model);
  const { name, revision } = reference;
  const what = `${name}@${revision}`;
  const about = await textOf(endpoint, revisionPath(reference, { blobs: true }), what);
  const { commit, files, blobs } = parseRevision(about, what);
  const wanted = wantedFiles(files, name, what);
  check(
    wanted.includes(single),
    'not-supported',
    () => `${what} has its weights in several files; the studio reads one, ${single}. Choose a smaller model.`,
  );
  const blob = blobs.get(single);
  check(blob, 'bad-file', () => `The Hub does not say how large ${what}/${single} is.`);
  const { size, sha256 } = blob;
  const at = (path: string): string => filePath({ name, commit, path });
  const readJson = (path: string): Promise<Json> => jsonOf(endpoint, at(path), `${what}/${path}`);
  const weights = `${what}/${single}`;
  const length = headerLength(await part(endpoint, at(single), weights, 0, 8), size, weights);
  return {
    name,
    commit,
    size,
    ...(sha256 !== undefined && { sha256 }),
    config: await readJson(config),
    ...(wanted.includes(processor) && { processor: await readJson(processor) }),
    header: await part(endpoint, at(single), weights, 8, 8 + length),
    received: await receivedOf({ name, commit }),
  };
}
