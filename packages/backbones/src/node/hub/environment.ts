import { homedir } from 'node:os';
import { join } from 'node:path';
import { check, PeftError, quote } from '@peft/core';
import { readTextIfThere } from './files.ts';

/** Settings of the client, from environment variables that mean what they mean to Python's `huggingface_hub`. */
export interface HubEnvironment {
  /** Without a slash at its end. */
  readonly endpoint: string;
  /** The only origin that is sent the token. */
  readonly origin: string;
  readonly token: string | undefined;
  /** The folder of all downloads. */
  readonly cache: string;
  readonly isOffline: boolean;
  /** How long a server may be silent, in ms. */
  readonly timeout: number;
  /** Whether snapshots link to blobs; otherwise they hold copies. */
  readonly hasLinks: boolean;
}

/** A variable's value; `undefined` if it is empty too. */
const variable = (...names: string[]): string | undefined =>
  names.map(name => process.env[name]?.trim()).find(value => value);

const isOn = (...names: string[]): boolean => /^(1|on|yes|true)$/i.test(variable(...names) ?? '');

/** `~` and `$NAME` or `${NAME}`, as Python expands them. */
const expand = (path: string): string =>
  path
    .replace(/^~(?=$|[/\\])/, homedir())
    .replace(/\$(?:(\w+)|\{(\w+)\})/g, (whole, bare, braced) => process.env[bare ?? braced] ?? whole);

function home(): string {
  const base = variable('XDG_CACHE_HOME') ?? join(homedir(), '.cache');
  return expand(variable('HF_HOME') ?? join(base, 'huggingface'));
}

function endpoint(): string {
  const text = (variable('HF_ENDPOINT') ?? 'https://huggingface.co').replace(/\/+$/, '');
  const url = URL.canParse(text) ? new URL(text) : undefined;
  check(
    url && /^https?:$/.test(url.protocol) && !url.username && !url.password && !url.search && !url.hash,
    'bad-argument',
    () => `HF_ENDPOINT is ${quote(text)}; give an address such as https://huggingface.co.`,
  );
  return text;
}

/** The content of the token file, which `hf auth login` writes. */
async function tokenFile(): Promise<string | undefined> {
  const path = expand(variable('HF_TOKEN_PATH') ?? join(home(), 'token'));
  try {
    return await readTextIfThere(path);
  } catch (cause) {
    throw new PeftError('missing', `Cannot read the Hub's token in ${path}: ${(cause as Error).message}`, { cause });
  }
}

async function token(): Promise<string | undefined> {
  if (isOn('HF_HUB_DISABLE_IMPLICIT_TOKEN')) return undefined;
  const found = (variable('HF_TOKEN', 'HUGGING_FACE_HUB_TOKEN') ?? (await tokenFile()))?.replace(/[\r\n]/g, '').trim();
  check(
    !found || /^[\x21-\x7e]+$/.test(found),
    'bad-argument',
    () => 'The token for the Hub has characters that are not printable ASCII; check HF_TOKEN or the token file.',
  );
  return found || undefined;
}

/** Milliseconds; a timer takes no more than 31 bits of them. */
function timeout(): number {
  const seconds = Number(variable('HF_HUB_DOWNLOAD_TIMEOUT') ?? 10);
  check(
    seconds > 0,
    'bad-argument',
    () => `HF_HUB_DOWNLOAD_TIMEOUT is ${quote(process.env.HF_HUB_DOWNLOAD_TIMEOUT ?? '')}; give seconds, such as 10.`,
  );
  return Math.min(seconds * 1000, 2 ** 31 - 1);
}

/**
 * Reads the environment: `HF_ENDPOINT`; `HF_TOKEN`, or the file `HF_TOKEN_PATH`, by default `HF_HOME/token`; the cache at
 * `HF_HUB_CACHE`, `HUGGINGFACE_HUB_CACHE` or `HF_HOME/hub`, by default under `XDG_CACHE_HOME`; `HF_HUB_OFFLINE`;
 * `HF_HUB_DOWNLOAD_TIMEOUT`; `HF_HUB_DISABLE_SYMLINKS`.
 *
 * @throws PeftError `bad-argument` for an invalid value, `missing` for a token file that cannot be read
 */
export async function readEnvironment(): Promise<HubEnvironment> {
  const address = endpoint();
  return {
    endpoint: address,
    origin: new URL(address).origin,
    token: await token(),
    cache: expand(variable('HF_HUB_CACHE', 'HUGGINGFACE_HUB_CACHE') ?? join(home(), 'hub')),
    isOffline: isOn('HF_HUB_OFFLINE', 'TRANSFORMERS_OFFLINE'),
    timeout: timeout(),
    hasLinks: !isOn('HF_HUB_DISABLE_SYMLINKS'),
  };
}
