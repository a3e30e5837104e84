import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { build } from 'esbuild';

/**
 * Bundles a program from the sources, so that Node starts it in a fraction of a second, and any version of Node can.
 *
 * @param {string} entry
 * @param {string} folder where the bundle goes
 * @param {URL} [url] what `import.meta.url` is in it, for modules that find files beside them
 * @returns {Promise<string>} the bundle's path
 */
export async function bundle(entry, folder, url) {
  const outfile = join(folder, 'child.cjs');
  await build({
    entryPoints: [entry],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    conditions: ['@peft/source'],
    mainFields: ['module', 'main'],
    ...(url && { define: { 'import.meta.url': JSON.stringify(url.href) } }),
    logLevel: 'error',
  });
  return outfile;
}

/**
 * Starts a program. `line` is called with each line it prints; `ended` resolves with its exit code or the signal that ended it,
 * and what it printed to stderr.
 *
 * @param {string} path
 * @param {string[]} args
 * @param {(line: string) => void} [line]
 */
export function start(path, args, line = () => {}) {
  const child = spawn(process.execPath, [path, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let errors = '';
  let rest = '';
  child.stderr.on('data', text => {
    errors += text;
  });
  child.stdout.on('data', text => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    lines.forEach(line);
  });
  const ended = new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ end: signal ?? code, errors }));
  });
  return { ended, kill: () => child.kill('SIGKILL') };
}
