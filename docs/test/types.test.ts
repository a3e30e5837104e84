import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import ts from 'typescript';
import { describe, expect, test } from 'vitest';
import { type Block, blocksOf, pages, root } from './blocks.ts';

const at = (...parts: string[]): string => join(root, ...parts);

/** What the prose of a page introduces, and its examples use as it is. */
const given = `
  import type { Backbone } from '@peft/backbones';
  import type { BatchSource, PictureBatch } from '@peft/core';
  import type { Tensor4D } from '@tensorflow/tfjs-core';
  declare global {
    const vit: Backbone;
    const images: Tensor4D;
    const source: BatchSource<PictureBatch>;
  }`;

/** Where a file with the example would lie: beside its page. */
const pathOf = ({ page, line, title }: Block): string => (title ? at(dirname(page), title) : at(`${page}.${line}.ts`));

/** From where an import of an example is looked up: a package of ours from within itself, as its users see it. */
function importer(name: string, path: string): string {
  const [, ours] = name.match(/^@peft\/([^/]+)/) ?? [];
  if (ours && existsSync(at('packages', ours))) return at('packages', ours, 'example.ts');
  return name.startsWith('.') ? path : at('docs/test/example.ts');
}

/** The options that all packages are checked with, but that an example need not use all that it makes. */
function checkOptions(): ts.CompilerOptions {
  const { config } = ts.readConfigFile(at('tsconfig.check.json'), ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root);
  return { ...options, noUnusedLocals: false, noUnusedParameters: false };
}

/** One program of all files, which exist in memory only. */
function programOf(files: ReadonlyMap<string, string>): ts.Program {
  const options = checkOptions();
  const host = ts.createCompilerHost(options);
  const { fileExists, getSourceFile } = host;
  host.fileExists = path => files.has(path) || fileExists(path);
  host.getSourceFile = (path, language, ...rest) => {
    const text = files.get(path);
    return text === undefined
      ? getSourceFile(path, language, ...rest)
      : ts.createSourceFile(path, text, language, true);
  };
  const cache = ts.createModuleResolutionCache(root, path => path, options);
  host.resolveModuleNameLiterals = (literals, path, redirected, options, file) =>
    literals.map(literal => {
      const from = files.has(path) ? importer(literal.text, path) : path;
      const mode = ts.getModeForUsageLocation(file, literal, options);
      return ts.resolveModuleName(literal.text, from, options, host, cache, redirected, mode);
    });
  return ts.createProgram([...files.keys()], options, host);
}

/** What is wrong with a file, each with its line, counted from `first`. */
function errorsOf(program: ts.Program, path: string, first = 1): string[] {
  const file = program.getSourceFile(path);
  const found = [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)];
  return found.map(({ start = 0, messageText }) => {
    const line = (file?.getLineAndCharacterOfPosition(start).line ?? 0) + first;
    return `line ${line}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`;
  });
}

const asModule = (text: string): string => `${text}\nexport {};\n`;
const examples = pages.flatMap(blocksOf).filter(({ language }) => language === 'ts');
const [givenPath, wrongPath] = ['given.ts', 'wrong.ts'].map(name => at('docs/test', name));
const program = programOf(
  new Map([
    [givenPath, given],
    [wrongPath, asModule("import { key } from '@peft/core';\n\nkey('seed');")],
    ...examples.map((example): [string, string] => [pathOf(example), asModule(example.text)]),
  ]),
);

test('what the prose introduces exists, and an error of an example is seen', () => {
  expect(errorsOf(program, givenPath)).toEqual([]);
  expect(errorsOf(program, wrongPath)).toEqual([expect.stringMatching(/^line 3: .* not assignable/)]);
});

const checked = examples.filter(({ title }) => !title);
describe.each([...new Set(checked.map(({ page }) => page))])('%s', page => {
  test.each(checked.filter(example => example.page === page))('line $line', example => {
    expect(errorsOf(program, pathOf(example), example.line + 1)).toEqual([]);
  });
});
