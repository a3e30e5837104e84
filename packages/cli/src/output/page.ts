import { escapeHtml } from './svg.ts';

const style = `
  :root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
  body { max-width: 1000px; margin: 2rem auto; padding: 0 1rem; }
  h1 { overflow-wrap: anywhere; }
  table { border-collapse: collapse; margin: 1rem 0; }
  th, td { padding: .25rem .75rem; text-align: right; border-bottom: 1px solid #8884; white-space: nowrap; }
  .wide { overflow-x: auto; }
  .wide th:first-child, .wide td:first-child { position: sticky; left: 0; background: Canvas; }
  th:first-child, td:first-child { text-align: left; }
  .charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(420px, 100%), 1fr)); gap: 1rem; }
  svg { width: 100%; height: auto; font-size: 10px; fill: currentColor; }
  svg .title { font-size: 13px; font-weight: 600; }
  svg .grid { stroke: #8883; }
  .insight { margin: 0; overflow-x: auto; }
  .insight figcaption { font-weight: 600; }
  .insight th, .insight td { padding: .1rem .35rem; font-size: 12px; border: 0; font-weight: 400; }
  .grid td { min-width: 1.2rem; text-align: center; border: 1px solid #8883; }
  .bars .bar { width: 160px; } .bars .bar div { background: rgb(0 114 178); height: .8rem; }
  .confusion td { padding: .1rem .35rem; font-size: 12px; text-align: center; }
`;

const row = (cells: readonly string[], tag = 'td'): string =>
  `<tr>${cells.map(cell => `<${tag}>${escapeHtml(cell)}</${tag}>`).join('')}</tr>`;

/** A table that scrolls sideways where it is wider than the page. */
export const htmlTable = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  `<div class="wide"><table><thead>${row(head, 'th')}</thead><tbody>${rows.map(cells => row(cells)).join('')}</tbody></table></div>`;

/** A page that needs no other file. */
export const page = (title: string, body: string): string => `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escapeHtml(title)}</title>
<style>${style}</style></head>
<body>
<h1>${escapeHtml(title)}</h1>
${body}
</body>
</html>
`;
