import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { describe, expect, test } from 'vitest';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const page = readFileSync(join(root, 'docs/troubleshooting.md'), 'utf8');
const errorsFile = join(root, 'packages/core/src/errors.ts');

const parse = (path: string): ts.SourceFile =>
  ts.createSourceFile(path, readFileSync(path, 'utf8'), ts.ScriptTarget.Latest, true);

function visit(node: ts.Node, each: (node: ts.Node) => void): void {
  each(node);
  node.forEachChild(child => visit(child, each));
}

/** The members of the type `ErrorCode`. */
function errorCodes(): string[] {
  const codes: string[] = [];
  visit(parse(errorsFile), node => {
    if (!ts.isTypeAliasDeclaration(node) || node.name.text !== 'ErrorCode') return;
    visit(node, inner => ts.isStringLiteral(inner) && codes.push(inner.text));
  });
  return codes;
}

const sources = readdirSync(join(root, 'packages')).flatMap(name =>
  readdirSync(join(root, 'packages', name, 'src'), { recursive: true, encoding: 'utf8' })
    .filter(path => path.endsWith('.ts') && !path.endsWith('.test.ts'))
    .map(path => join(root, 'packages', name, 'src', path)),
);

/** What the sources have in quotes: strings, and the fixed parts of templates. */
function literals(): Set<string> {
  const found = new Set<string>();
  const isTemplatePart = (node: ts.Node) =>
    ts.isTemplateHead(node) || ts.isTemplateMiddle(node) || ts.isTemplateTail(node);
  for (const path of sources) {
    visit(parse(path), node => {
      if (ts.isStringLiteralLike(node) || isTemplatePart(node)) found.add(node.text.trim());
    });
  }
  return found;
}

/** How much of a message the sources have in quotes. */
function shareOf(message: string, parts: readonly string[]): number {
  let rest = message;
  for (const part of parts) rest = rest.replaceAll(part, '');
  return 1 - rest.length / message.length;
}

test('every code has a heading, and every heading in code marks is a code', () => {
  const headings = [...page.matchAll(/^#+ `(.*)`$/gm)].map(([, heading]) => heading);
  expect(headings).toEqual(errorCodes());
});

describe('the messages are those that the sources have', () => {
  const parts = [...literals()].filter(part => part.length >= 8).sort((a, b) => b.length - a.length);
  const messages = [...page.matchAll(/^```text\n(.*?)^```$/gms)].flatMap(([, block]) => block.trimEnd().split('\n'));

  test('another message is not found', () => {
    expect(shareOf('The adapter of adapters/birds was turned off; turn it on with use().', parts)).toBeLessThan(0.2);
  });

  test.each(messages.filter(message => !message.startsWith(' ')))('%s', message => {
    expect(shareOf(message, parts)).toBeGreaterThan(0.3);
  });
});
