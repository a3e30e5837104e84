import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { reportsOf } from './reports.mjs';

const folderOf = folder => join(folder, 'api');

/** The reports that lie in a package, by file. */
async function committed(folder) {
  const place = folderOf(folder);
  const files = existsSync(place) ? (await readdir(place)).sort() : [];
  return new Map(await Promise.all(files.map(async file => [file, await readFile(join(place, file), 'utf8')])));
}

/** The lines of each of two texts that the other lacks. */
function difference(before, after) {
  const only = (sign, lines, others) => lines.filter(line => !others.includes(line)).map(line => `${sign} ${line}`);
  const [old, now] = [before.split('\n'), after.split('\n')];
  const lines = [...only('-', old, now), ...only('+', now, old)];
  return lines.length > 0 ? lines : ['  The order of its lines changed.'];
}

/**
 * Compares a built package with its reports.
 *
 * @param {string} folder the package's, an absolute path
 * @throws which lines of which reports differ, and how to renew them
 */
export async function checkReports(folder) {
  const [old, now] = [await committed(folder), await reportsOf(folder)];
  const changes = [...new Set([...old.keys(), ...now.keys()])].flatMap(file => {
    const [before = '', after = ''] = [old.get(file), now.get(file)];
    return before === after ? [] : [`${join(basename(folder), 'api', file)}:`, ...difference(before, after)];
  });
  if (changes.length === 0) return;
  const advice = 'If you mean to change it, run `npx pnpm@10 api` and commit the reports.';
  throw new Error(`The public API is not what the reports say.\n${changes.join('\n')}\n${advice}`);
}

/** Writes the reports of a built package, and removes those of entries that are gone. */
export async function writeReports(folder) {
  const reports = await reportsOf(folder);
  await mkdir(folderOf(folder), { recursive: true });
  for (const file of (await committed(folder)).keys()) if (!reports.has(file)) await rm(join(folderOf(folder), file));
  for (const [file, text] of reports) await writeFile(join(folderOf(folder), file), text);
}
