import { check, quote } from '@peft/core';
import { index, processor, wantedFiles } from '../../hub/layout.ts';
import { isCommit } from '../../hub/names.ts';
import { checkReference, type HubReference } from '../../hub/reference.ts';
import { type HubFile, maxJsonSize, type Revision } from '../../hub/revision.ts';
import { ModelCache } from './cache.ts';
import { readContent, readFileInfo, readRevision } from './client.ts';
import { downloadTo } from './download.ts';
import { type HubEnvironment, readEnvironment } from './environment.ts';
import { explain, HubFailure } from './failure.ts';
import { sizeIfThere } from './files.ts';
import { cachedModelFiles, readShards } from './layout.ts';
import { withLock } from './lock.ts';

export interface DownloadOptions {
  /** Uses only cached files and makes no request, as with `HF_HUB_OFFLINE=1`. */
  readonly localFilesOnly?: boolean;
  /** Called with a message when the Hub cannot be reached and the cached copy is used. */
  onNotice?(notice: string): void;
}

/** A commit whose files are cached, and their paths. */
interface Cached {
  readonly commit: string;
  readonly paths: readonly string[];
}

async function findCached(cache: ModelCache, revision: string): Promise<Cached | undefined> {
  const commit = await cache.commitOf(revision);
  const paths = commit && (await cachedModelFiles(cache, commit));
  return commit && paths ? { commit, paths } : undefined;
}

/** Whether the optional file is cached too, or known not to exist: then a pinned commit needs no request. */
const isSettled = (cache: ModelCache, { commit, paths }: Cached): boolean =>
  paths.includes(processor) || cache.isAbsent(commit, processor);

/** Downloads one file of a commit unless it is cached. */
async function fetchFile(hub: HubEnvironment, cache: ModelCache, file: HubFile): Promise<void> {
  const { commit, path } = file;
  if ((await sizeIfThere(cache.pointer(commit, path))) !== undefined) return cache.verify(commit, [path]);
  const { etag, size } = await readFileInfo(hub, file);
  const name = `${file.name}/${path}`;
  const isText = path.endsWith('.json');
  check(
    !isText || size <= maxJsonSize,
    'bad-file',
    () => `${name} has ${size} bytes on the Hub; at most ${maxJsonSize} are read.`,
  );
  await withLock(cache.lock(etag), async () => {
    const blob = cache.blob(etag);
    if ((await sizeIfThere(blob)) === size) await cache.verifyBlob(etag);
    else await downloadTo(blob, { name, etag, size, from: offset => readContent(hub, file, offset) });
    await cache.place(etag, commit, path, hub.hasLinks);
  });
}

/** Downloads the files of a commit that are not cached, then records the commit as the revision's. */
async function fetchModel(
  hub: HubEnvironment,
  cache: ModelCache,
  { name, revision }: HubReference,
  { commit, files }: Revision,
): Promise<string> {
  const what = `${name}@${revision}`;
  const wanted = wantedFiles(files, name, what);
  for (const path of wanted) await fetchFile(hub, cache, { name, commit, path });
  if (wanted.includes(index)) {
    for (const path of await readShards(cache.pointer(commit, index))) {
      check(files.includes(path), 'missing', () => `${what} has no ${quote(path)}, which its ${index} names.`);
      await fetchFile(hub, cache, { name, commit, path });
    }
  }
  if (!wanted.includes(processor)) await cache.setAbsent(commit, processor);
  if (!isCommit(revision)) await cache.setCommit(revision, commit);
  return cache.snapshot(commit);
}

async function useCached(cache: ModelCache, { commit, paths }: Cached): Promise<string> {
  await cache.verify(commit, paths);
  return cache.snapshot(commit);
}

async function findOrFetch(
  hub: HubEnvironment,
  reference: HubReference,
  { localFilesOnly = false, onNotice }: DownloadOptions,
): Promise<string> {
  const { name, revision } = reference;
  const cache = new ModelCache(hub.cache, name);
  const cached = await findCached(cache, revision);
  if (cached && (hub.isOffline || localFilesOnly || (isCommit(revision) && isSettled(cache, cached)))) {
    return useCached(cache, cached);
  }
  check(!hub.isOffline && !localFilesOnly, 'missing', () => {
    const rule = hub.isOffline ? 'HF_HUB_OFFLINE' : 'localFilesOnly';
    return `${name}@${revision} is not in ${hub.cache}, and ${rule} forbids downloading it. Download it first, or allow it.`;
  });
  let found: Revision;
  try {
    found = await readRevision(hub, reference);
  } catch (cause) {
    if (!cached || !(cause instanceof HubFailure && cause.isTransient)) throw cause;
    onNotice?.(
      `Could not ask the Hub for ${name}@${revision}: ${cause.message}. The cached commit ${cached.commit} is used.`,
    );
    return useCached(cache, cached);
  }
  return fetchModel(hub, cache, reference, found);
}

/**
 * Downloads the files of a model that are not cached, and returns the folder of its snapshot. Resumes an interrupted
 * download. Uses the cached copy when the Hub cannot be reached, is busy or broken. Checks every file against its hash,
 * cached files too.
 *
 * @throws PeftError `bad-argument` for an invalid reference or setting; `missing` for what the Hub does not have or give;
 * `bad-file` for a damaged file or an answer that is not the Hub's; `write-failed` if the cache cannot be written
 */
export async function downloadModel(reference: HubReference, options: DownloadOptions = {}): Promise<string> {
  checkReference(reference);
  try {
    return await findOrFetch(await readEnvironment(), reference, options);
  } catch (cause) {
    throw explain(cause, reference);
  }
}

/** Whether a model is cached, for the commit that the revision named when it was last downloaded. Makes no request. */
export async function isCached(reference: HubReference): Promise<boolean> {
  checkReference(reference);
  const { cache } = await readEnvironment();
  return (await findCached(new ModelCache(cache, reference.name), reference.revision)) !== undefined;
}
