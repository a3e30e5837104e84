import { existsSync } from 'node:fs';
import { copyFile, mkdir, readFile, symlink } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { check, PeftError } from '@peft/core';
import { writeAtomic } from '@peft/core/node';
import { type Download, downloadTo } from './download.ts';

/** A model on the Hugging Face Hub. */
export interface HubReference {
  /** `owner/name`. */
  readonly name: string;
  /** A branch, tag or commit. */
  readonly revision: string;
}

/** Reads `hf:owner/name[@revision]`. */
export function parseHubReference(spec: string): HubReference {
  const match = /^hf:(?<name>[\w.-]+\/[\w.-]+)(@(?<revision>.+))?$/.exec(spec);
  check(
    match?.groups,
    'bad-argument',
    () => `"${spec}" does not name a model on the Hub; write hf:owner/name or hf:owner/name@revision.`,
  );
  return { name: match.groups.name, revision: match.groups.revision ?? 'main' };
}

type Hub = typeof import('@huggingface/hub');

async function loadHub(): Promise<Hub> {
  try {
    return await import('@huggingface/hub');
  } catch (cause) {
    throw new PeftError('missing', 'Models of the Hub need @huggingface/hub: npm install @huggingface/hub', { cause });
  }
}

/** Where Python's and JavaScript's Hub libraries, too, keep what they download. */
const cacheFolder = (hub: Hub, name: string): string =>
  join(hub.getHFHubCachePath(), hub.getRepoFolderName({ type: 'model', name }));

const access = () => ({ hubUrl: process.env.HF_ENDPOINT, accessToken: process.env.HF_TOKEN });

const required = ['config.json', 'model.safetensors'];
const optional = ['preprocessor_config.json'];

const isCommit = (revision: string): boolean => /^[0-9a-f]{40}$/.test(revision);

const isComplete = (snapshot: string): boolean => required.every(path => existsSync(join(snapshot, path)));

/** What to say of an answer of the Hub, or of the want of one. */
function explain(cause: unknown, { name, revision }: HubReference): PeftError {
  const status = cause instanceof Error && 'statusCode' in cause ? Number(cause.statusCode) : undefined;
  const advice =
    status === 401 || status === 403
      ? 'It may be private or gated: set HF_TOKEN to a token that may read it.'
      : status === 404
        ? 'Check the name and the revision.'
        : 'What has arrived is kept: try again to go on from there.';
  const what = cause instanceof Error ? cause.message : String(cause);
  return new PeftError('missing', `Could not get ${name}@${revision} from the Hub: ${what}. ${advice}`, { cause });
}

interface Revision {
  readonly commit: string;
  readonly files: readonly string[];
}

/** What a revision is now; without a network, what it was when it was last downloaded whole. */
async function resolveRevision(hub: Hub, cache: string, { name, revision }: HubReference): Promise<Revision> {
  try {
    const found = await hub.modelInfo({ name, revision, additionalFields: ['sha', 'filePaths'], ...access() });
    return { commit: found.sha, files: found.filePaths };
  } catch (cause) {
    const branch = join(cache, 'refs', revision);
    const isOffline = cause instanceof TypeError && existsSync(branch);
    const commit = isOffline ? (await readFile(branch, 'utf8')).trim() : undefined;
    if (commit && isComplete(join(cache, 'snapshots', commit))) return { commit, files: required };
    throw cause;
  }
}

/**
 * The folder of a model's files in the Hub's local cache, after downloading those that are missing. A download that was
 * interrupted goes on where it stopped. `HF_TOKEN`, `HF_ENDPOINT` and `HF_HOME` mean what they mean in Python.
 */
export async function downloadModel(reference: HubReference): Promise<string> {
  const { name, revision } = reference;
  const hub = await loadHub();
  const cache = cacheFolder(hub, name);
  if (isCommit(revision) && isComplete(join(cache, 'snapshots', revision))) return join(cache, 'snapshots', revision);
  try {
    const { commit, files } = await resolveRevision(hub, cache, reference);
    const snapshot = join(cache, 'snapshots', commit);
    const missing = required.filter(path => !files.includes(path));
    check(
      missing.length === 0,
      'missing',
      () => `${name}@${revision} has no ${missing.join(', ')}; it has ${files.slice(0, 12).join(', ')}.`,
    );
    for (const path of [...required, ...optional.filter(path => files.includes(path))]) {
      if (!existsSync(join(snapshot, path))) await fetchFile(hub, cache, snapshot, { name, revision: commit, path });
    }
    if (!isCommit(revision)) await writeAtomic(join(cache, 'refs', revision), commit);
    return snapshot;
  } catch (cause) {
    throw cause instanceof PeftError ? cause : explain(cause, reference);
  }
}

/** Downloads one file to its blob and links it into the snapshot, as the Hub's libraries lay out their cache. */
async function fetchFile(
  hub: Hub,
  cache: string,
  snapshot: string,
  { name, revision, path }: HubReference & { path: string },
): Promise<void> {
  const file = { repo: { type: 'model', name }, path, revision, ...access() } as const;
  const info = await hub.fileDownloadInfo(file);
  if (!info) throw new PeftError('missing', `${name}@${revision} has no ${path}.`);
  const etag = info.etag.replace(/^W\//, '').replaceAll('"', '');
  const blob = join(cache, 'blobs', etag);
  if (!existsSync(blob)) {
    const content = await hub.downloadFile({ ...file, downloadInfo: info });
    if (!content) throw new PeftError('missing', `${name}@${revision} has no ${path}.`);
    const download: Download = {
      name: `${name}/${path}`,
      size: info.size,
      sha256: /^[0-9a-f]{64}$/.test(etag) ? etag : undefined,
      from: offset => content.slice(offset, info.size).stream(),
    };
    await downloadTo(blob, download);
  }
  const pointer = join(snapshot, path);
  await mkdir(dirname(pointer), { recursive: true });
  await symlink(relative(dirname(pointer), blob), pointer).catch(() => copyFile(blob, pointer));
}
