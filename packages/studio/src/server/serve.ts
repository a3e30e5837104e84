import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { check, PeftError, quote } from '@peft/core';
import { answer } from './answer.ts';
import { listAppFiles } from './app-files.ts';

export interface ServeOptions {
  /**
   * The port; 0 for any that is free. A browser keeps projects by the address, port included. 4173 unless given.
   */
  readonly port?: number;
  /** The address of the Hugging Face Hub or a mirror of it, which one worker of the page may ask; huggingface.co unless given. */
  readonly hub?: string | undefined;
  /** The folder of the built page; the one in this package unless given. */
  readonly folder?: string;
}

export interface ServedStudio {
  readonly url: string;
  /** Ends the server, and what it is sending. */
  close(): Promise<void>;
}

const localhost = '127.0.0.1';
const built = fileURLToPath(new URL('../../dist/app', import.meta.url));

/**
 * Serves the studio to browsers on this machine, isolated and with a strict policy, so that it trains on all threads and nothing
 * leaves it.
 *
 * @throws PeftError `missing` if the page is not built, `bad-argument` if the port cannot be had or the Hub has no address
 */
export async function serveStudio({ port = 4173, hub, folder = built }: ServeOptions = {}): Promise<ServedStudio> {
  const endpoint = hub === undefined ? undefined : endpointOf(hub);
  const files = await listAppFiles(folder);
  const hosts: string[] = [];
  const server = createServer((request, response) => {
    answer(request, response, { files, hosts, hub: endpoint }).catch(() => response.destroy());
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', cause => reject(unavailable(port, cause)));
    server.listen(port, localhost, resolve);
  });
  const address = server.address() as AddressInfo;
  hosts.push(`${localhost}:${address.port}`, `localhost:${address.port}`);
  return {
    url: `http://${hosts[0]}/`,
    close: async () => {
      const closed = new Promise<void>(resolve => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}

/** The address without slashes at its end. */
function endpointOf(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isPlain = url && /^https?:$/.test(url.protocol) && !url.username && !url.password && !url.search && !url.hash;
  check(
    isPlain,
    'bad-argument',
    () => `${quote(text)} is no address of a Hub; give one such as https://huggingface.co (HF_ENDPOINT).`,
  );
  return text.replace(/\/+$/, '');
}

function unavailable(port: number, cause: NodeJS.ErrnoException): PeftError {
  const why = cause.code === 'EADDRINUSE' ? 'is in use' : `cannot be had (${cause.message})`;
  return new PeftError('bad-argument', `Port ${port} ${why}; give another one, or 0 for any that is free.`, { cause });
}
