import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const root = new URL('../../../', import.meta.url);
const page = readFileSync(new URL('SECURITY.md', root), 'utf8');
const claims = [...page.matchAll(/^- (.*?): \[[^\]]+\]\(([^)]+)\), "([^"]+)"\.$/gm)].map(
  ([, claim = '', path = '', name = '']) => [claim, path, name] as const,
);

test('every line of what is defended names a test', () => {
  const [defended = ''] = page.split(/^## .*$/m).slice(1);
  expect(claims.length).toBeGreaterThan(10);
  expect(defended.match(/^- /gm)).toHaveLength(claims.length);
});

test.each(claims)('%s', (_, path, name) => {
  const written = readFileSync(new URL(path, root), 'utf8').replaceAll("\\'", "'");
  const quoted = ["'", '"', '`'].some(
    quote => written.includes(`(${quote}${name}${quote}`) || written.includes(`${quote}${name}${quote},`),
  );
  expect(quoted, `${path} has no test "${name}"`).toBe(true);
});
