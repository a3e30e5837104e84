import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseHTML } from 'linkedom';
import { expect, test } from 'vitest';
import { followed } from '../.vitepress/links.ts';

const site = fileURLToPath(new URL('../dist', import.meta.url));
const root = fileURLToPath(new URL('../..', import.meta.url));

interface Page {
  readonly links: string[];
  readonly ids: ReadonlySet<string>;
}

function read(file: string): Page {
  const { document } = parseHTML(readFileSync(file, 'utf8'));
  const attributes = (name: string): string[] =>
    [...document.querySelectorAll(`[${name}]`)].map(element => element.getAttribute(name) ?? '');
  return { links: [...attributes('href'), ...attributes('src')], ids: new Set(attributes('id')) };
}

const files = readdirSync(site, { recursive: true, encoding: 'utf8' }).filter(file => file.endsWith('.html'));
const pages = new Map(files.map(file => [join(site, file), read(join(site, file))]));

/** The file that a path of the site is answered with, as a host with clean addresses does. */
const fileAt = (path: string): string | undefined =>
  [path, `${path}.html`, join(path, 'index.html')].find(
    file =>
      file.startsWith(site) && existsSync(file) && !file.endsWith('/') && (pages.has(file) || /\.\w+$/.test(file)),
  );

/** Why a link of a page leads nowhere; undefined if it leads somewhere, or to another host. */
function deadness(link: string, from: string): string | undefined {
  if (/^(https?|mailto|data):/.test(link)) return undefined;
  const [path = '', hash = ''] = decodeURI(link).split('#');
  const target = path === '' ? from : fileAt(path.startsWith('/') ? join(site, path) : join(dirname(from), path));
  if (!target) return `${relative(site, from)} links to ${link}, which is no page`;
  if (hash && pages.has(target) && !pages.get(target)?.ids.has(hash)) {
    return `${relative(site, from)} links to ${link}, but that page has no such heading`;
  }
  return undefined;
}

test('every link of the site leads to a page, a heading or a file of it', () => {
  expect(pages.size).toBeGreaterThan(40);
  const dead = [...pages].flatMap(([from, { links }]) => links.flatMap(link => deadness(link, from) ?? []));
  expect([...new Set(dead)]).toEqual([]);
});

test('a dead link is seen', () => {
  const from = join(site, 'index.html');
  expect(deadness('/nowhere', from)).toContain('is no page');
  expect(deadness('/methods/lora#nowhere', from)).toContain('has no such heading');
});

test('links between files of the repository become links between pages', () => {
  const env = (file: string, ...includes: string[]) => ({
    path: join(root, file),
    relativePath: file,
    cleanUrls: true,
    includes: includes.map(file => join(root, file)),
  });
  const from = (file: string, href: string, ...includes: string[]) => followed(href, env(file, ...includes));
  expect(from('docs/composing.md', '../packages/layers')).toBe('/packages/layers');
  expect(from('docs/composing.md', '../packages/lily/README.md#options')).toBe('/methods/lily#options');
  expect(from('packages/run/README.md', '../../docs/sweeps.md')).toBe('/sweeps');
  expect(from('docs/methods/lily.md', '../../docs/results.md', 'packages/lily/README.md')).toBe('/results');
  expect(from('docs/composing.md', 'README.md')).toBe('README.md'); // no such file: VitePress refuses it
  expect(from('docs/composing.md', '../turbo.json')).toBeUndefined(); // a source, which is shown nowhere here
  expect(from('docs/composing.md', 'https://example.org')).toBe('https://example.org');
});
