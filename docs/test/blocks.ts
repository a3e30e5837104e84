/** The blocks of code of all pages: what people copy. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../..', import.meta.url));

export interface Block {
  /** The page that shows it, from the root. */
  readonly page: string;
  /** Of the fence, counted from 1. */
  readonly line: number;
  readonly language: string;
  readonly text: string;
  /** The name of a whole file that is shown: other blocks of the page may import it. It has a test of its own. */
  readonly title: string | undefined;
  /** Whether the page says beside it why it cannot run here: ```` ```sh no-run ````. */
  readonly runs: boolean;
}

const markdownIn = (folder: string): string[] =>
  readdirSync(join(root, folder)).flatMap(name => (name.endsWith('.md') ? [`${folder}/${name}`] : []));

export const pages: readonly string[] = [
  'README.md',
  ...markdownIn('docs'),
  ...markdownIn('docs/methods'),
  ...readdirSync(join(root, 'packages')).map(name => `packages/${name}/README.md`),
].filter(page => existsSync(join(root, page)));

export function blocksOf(page: string): Block[] {
  const content = readFileSync(join(root, page), 'utf8');
  return [...content.matchAll(/^```([a-z]+)(?: title=(\S+))?( no-run)?\n(.*?)^```$/gms)].map(
    ({ index, 1: language = '', 2: title, 3: mark, 4: text = '' }) => ({
      page,
      line: content.slice(0, index).split('\n').length,
      language,
      text,
      title,
      runs: mark === undefined,
    }),
  );
}
