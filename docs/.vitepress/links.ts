/** Links are written for the files of the repository. On the site they lead to the pages of those files. */
import { existsSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { MarkdownEnv, MarkdownRenderer } from 'vitepress';
import { addressOf, methods } from './pages.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Where the repository's files are shown, such as `https://example.org/repository/blob/main`. Unset, they are not linked. */
const { PEFT_DOCS_SOURCE: shown } = process.env;

/** The address of a file or folder of the repository on the site, or undefined if it has no page. */
function pageOf(path: string): string | undefined {
  const [, method] = path.match(/^packages\/([^/]+)(\/README\.md)?$/) ?? [];
  if (method && methods.includes(method)) return `/methods/${method}`;
  const file = statSync(join(root, path)).isDirectory() ? join(path, 'README.md') : path;
  if (!/^(docs\/(?!results\/|examples\/)|packages\/[^/]+\/README|examples\/|[A-Z_]+\.md)/.test(file)) return undefined;
  if (!file.endsWith('.md') || !existsSync(join(root, file))) return undefined;
  return file === 'README.md' ? '/' : `/${addressOf(file).replace(/(index)?\.md$/, '')}`;
}

/** The file of the repository that a relative link means: beside its page, or beside the file that the page includes. */
function fileOf(link: string, { realPath, path, includes = [] }: MarkdownEnv): string | undefined {
  return [realPath ?? path, ...includes].map(from => resolve(dirname(from), link)).find(file => existsSync(file));
}

/** Where a link of a page leads on the site; `undefined` if it leads to a file that is shown nowhere. */
export function followed(href: string, env: MarkdownEnv): string | undefined {
  const [link = '', hash = ''] = href.split(/(?=#)/);
  if (!link || /^([a-z]+:|\/)/.test(link)) return href;
  const file = fileOf(link, env);
  if (!file) return href; // VitePress says that it is dead
  const path = relative(root, file);
  const page = pageOf(path);
  if (page) return page + hash;
  return shown && `${shown}/${path}`;
}

/** The plugin of markdown-it. */
export function followLinks(md: MarkdownRenderer): void {
  md.core.ruler.push('follow-links', ({ tokens, env }) => {
    for (const { children } of tokens) {
      let dropped = false;
      for (const token of children ?? []) {
        if (token.type === 'link_open') {
          const href = followed(decodeURI(token.attrGet('href') ?? ''), env);
          dropped = href === undefined;
          if (href !== undefined) token.attrSet('href', href);
        }
        if (dropped && /^link_/.test(token.type)) Object.assign(token, { type: 'text', tag: '', content: '' });
      }
    }
  });
}
