import { filePath, single } from '@peft/backbones/hub';
import { check, PeftError, sha256Of } from '@peft/core';
import type { HubDownload, ReceivedEvent } from '../worker/protocol.ts';
import { ask, chunksOf } from './ask.ts';
import { downloads, fileNameOf, openToWrite, type SyncAccess } from './files.ts';

type Emit = (event: ReceivedEvent) => void;

const mebibyte = 2 ** 20;

/** Writes a chunk; says so where there is no room. */
function append(access: SyncAccess, chunk: Uint8Array, at: number, what: string): void {
  try {
    access.write(chunk, { at });
  } catch (cause) {
    const text = `${what}: the browser has no more room after ${at} bytes. Make room, then go on: what has arrived is kept.`;
    throw new PeftError('write-failed', text, { cause });
  }
}

/** Receives what a file lacks. What has arrived stays, however this ends. */
async function receive(access: SyncAccess, { endpoint, model }: HubDownload, what: string, emit: Emit): Promise<void> {
  const { size } = model;
  if (access.getSize() > size) access.truncate(0);
  let at = access.getSize();
  if (at === size) return;
  const response = await ask(endpoint, filePath({ ...model, path: single }), what, { range: `bytes=${at}-` });
  if (response.status !== 206) {
    access.truncate(0); // the server sends the whole
    at = 0;
  }
  let flushed = at;
  for await (const chunk of chunksOf(response, what)) {
    check(at + chunk.length <= size, 'bad-file', () => `${what} is longer than the ${size} bytes that were announced.`);
    append(access, chunk, at, what);
    at += chunk.length;
    if (at - flushed < mebibyte) continue;
    access.flush();
    flushed = at;
    emit({ type: 'received', bytes: at });
  }
  check(at === size, 'missing', () => `${what} ended after ${at} of ${size} bytes. Go on to resume.`);
  access.flush();
}

/**
 * Downloads the weights of a model to the browser's private files, or takes them from there, whole and checked by their hash. A
 * download that was interrupted is resumed.
 *
 * @throws PeftError `missing` where it breaks off, `write-failed` where there is no room, `bad-file` for weights that arrived
 * damaged, of which nothing is kept
 */
export async function downloadModel(job: HubDownload, emit: Emit): Promise<File> {
  const { model } = job;
  const what = `${model.name}/${single}`;
  const folder = await downloads();
  const handle = await folder.getFileHandle(fileNameOf(model), { create: true });
  const access = await openToWrite(handle);
  try {
    await receive(access, job, what, emit);
  } finally {
    emit({ type: 'received', bytes: access.getSize() });
    access.close();
  }
  const file = await handle.getFile();
  const found = model.sha256 && sha256Of(new Uint8Array(await file.arrayBuffer()));
  if (found === model.sha256) return file;
  await folder.removeEntry(fileNameOf(model));
  emit({ type: 'received', bytes: 0 });
  throw new PeftError('bad-file', `${what} arrived damaged and was thrown away: its SHA-256 is ${found}. Try again.`);
}
