import { once } from 'node:events';
import type { Arguments } from '../arguments.ts';
import { importOptional } from '../optional-import.ts';
import type { Output } from '../output/output.ts';

/** The studio's server; the package is optional. */
const server = () =>
  importOptional(
    () => import('@peft/studio/server'),
    /@peft\/studio/,
    'peft studio needs the package @peft/studio, which is not installed. Install it.',
  );

/** Serves the studio to browsers on this machine, until the process is interrupted. */
export async function studio({ port }: Pick<Arguments, 'port'>, output: Output): Promise<void> {
  const { serveStudio } = await server();
  const { url, close } = await serveStudio({ port, hub: process.env.HF_ENDPOINT || undefined });
  output.answer(`The studio is at ${url} Ctrl-C ends it.`, { url });
  const ended = new AbortController();
  await Promise.race(['SIGINT', 'SIGTERM', 'SIGHUP'].map(signal => once(process, signal, { signal: ended.signal })));
  ended.abort();
  await close();
}
