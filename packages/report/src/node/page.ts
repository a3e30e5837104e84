import { readFileSync } from 'node:fs';
import { escapeHtml } from '../drawings/html.ts';

const styleNamed = (name: string): string =>
  readFileSync(new URL(`../../src/style/${name}.css`, import.meta.url), 'utf8');

const row = (cells: readonly string[], tag = 'td'): string =>
  `<tr>${cells.map(cell => `<${tag}>${escapeHtml(cell)}</${tag}>`).join('')}</tr>`;

/** A table of results that scrolls sideways where it is wider than the page. */
export const htmlTable = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  `<div class="panel wide"><table class="results"><thead>${row(head, 'th')}</thead><tbody>${rows.map(cells => row(cells)).join('')}</tbody></table></div>`;

/** A drawing of this package below its title. */
export const panel = (title: string, drawing: string): string =>
  `<figure class="panel drawing"><figcaption>${escapeHtml(title)}</figcaption>${drawing}</figure>`;

/** A page that needs no other file, dark where the reader's system is. */
export const page = (title: string, body: string): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title>
<style>
${['tokens', 'document', 'drawings', 'page'].map(styleNamed).join('\n')}</style>
</head>
<body>
<h1>${escapeHtml(title)}</h1>
${body}
</body>
</html>
`;
