import { readFile } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';

const app = new URL('../../dist/app/', import.meta.url);

/** What the page loads before it shows anything, by kind, in gzipped bytes. */
async function firstLoad(ending: string): Promise<number> {
  const page = await readFile(new URL('index.html', app), 'utf8');
  const found = new Set<string>();
  const visit = async (file: string): Promise<void> => {
    if (found.has(file)) return;
    found.add(file);
    const text = await readFile(new URL(file, app), 'utf8');
    const imported = [...text.matchAll(/(?:from|import)\s*["'`]\.\/([^"'`]+\.js)["'`]/g)];
    for (const [, name] of imported) await visit(`assets/${name}`);
  };
  for (const [, file] of page.matchAll(new RegExp(`(?:src|href)="\\./([^"]+\\.${ending})"`, 'g'))) await visit(file!);
  const sizes = await Promise.all([...found].map(async file => gzipSync(await readFile(new URL(file, app))).length));
  return sizes.reduce((sum, size) => sum + size, 0);
}

test.each([
  ['js', 90_000],
  ['css', 15_000],
])('the first load of %s stays under %i bytes', async (ending, ceiling) => {
  const size = await firstLoad(ending);
  console.log(`${ending}: ${size} bytes gzipped, ceiling ${ceiling}`);
  expect(size).toBeLessThan(ceiling);
  expect(size).toBeGreaterThan(ceiling / 4);
});
