import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { makeMethod } from '../src/make-method.mjs';
import { root } from '../src/root.mjs';

let copy: string;

beforeEach(() => {
  copy = mkdtempSync(join(tmpdir(), 'peft-new-method-'));
  cpSync(join(root, 'tooling/sample-method'), join(copy, 'tooling/sample-method'), {
    recursive: true,
    filter: path => !/\/(node_modules|dist|\.turbo)$/.test(path),
  });
});

afterEach(() => rmSync(copy, { recursive: true }));

test('the package is the sample under another name, to be published, with a changeset', () => {
  const files = makeMethod(copy, ['foo']);
  expect(files).toContain('packages/foo/src/foo.ts');
  expect(files).toContain('.changeset/foo.md');
  for (const file of files) expect(`${file}\n${readFileSync(join(copy, file), 'utf8')}`).not.toMatch(/sample/i);
  expect(readFileSync(join(copy, 'packages/foo/src/foo.ts'), 'utf8')).toContain(
    'export const foo: MethodFactory<FooOptions',
  );
  const { name, private: isPrivate } = JSON.parse(readFileSync(join(copy, 'packages/foo/package.json'), 'utf8'));
  expect([name, isPrivate]).toEqual(['@peft/foo', undefined]);
});

test('a package that is there is left alone', () => {
  makeMethod(copy, ['foo']);
  expect(() => makeMethod(copy, ['foo'])).toThrow('packages/foo is there already');
});

test.each([[[]], [['Foo']], [['foo-bar']], [['../foo']], [['foo', 'bar']]])(
  'the name %j is refused, and nothing is written',
  args => {
    expect(() => makeMethod(copy, args)).toThrow('the name of a method is one word of small letters and digits');
    expect(readdirSync(copy)).toEqual(['tooling']);
  },
);
