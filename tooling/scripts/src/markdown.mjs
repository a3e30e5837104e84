/**
 * A table in Markdown, its columns aligned.
 *
 * @param {readonly string[]} head
 * @param {readonly (readonly string[])[]} rows
 */
export function markdownTable(head, rows) {
  const widths = head.map((title, i) => Math.max(3, title.length, ...rows.map(row => row[i].length)));
  const line = cells => `| ${cells.map((cell, i) => cell.padEnd(widths[i])).join(' | ')} |`;
  return [line(head), line(widths.map(width => '-'.repeat(width))), ...rows.map(line)].join('\n');
}

const escaped = text => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

/** A section of the second level, from its heading to the next one or the end. */
const patternOf = title => new RegExp(`^## ${escaped(title)}\n.*?(?=^## |(?![^]))`, 'ms');

/**
 * What stands on a Markdown page under a heading of the second level.
 *
 * @param {string} page
 * @param {string} title
 * @returns {string | undefined}
 */
export const sectionOf = (page, title) => patternOf(title).exec(page)?.[0].replace(/^.*/, '').trim();

/**
 * The page with a section in the place of the one under its heading; at the end, if there is none yet.
 *
 * @param {string} page
 * @param {string} title of the second level
 * @param {string} body what stands under it
 */
export function withSection(page, title, body) {
  const section = `## ${title}\n\n${body.trim()}\n`;
  const found = patternOf(title).exec(page);
  if (!found) return `${page.trimEnd()}\n\n${section}`;
  const after = page.slice(found.index + found[0].length);
  return page.slice(0, found.index) + section + (after && `\n${after}`);
}
