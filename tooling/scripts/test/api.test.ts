import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { checkReports, writeReports } from '../src/api/files.mjs';
import { entriesOf } from '../src/api/reports.mjs';
import { packagesToPublish } from '../src/packages.mjs';
import { root } from '../src/root.mjs';

let folder: string;

const write = (file: string, text: string): void => writeFileSync(join(folder, file), text);

const exportsOf = (...names: string[]) =>
  Object.fromEntries(names.map(name => [name === 'index' ? '.' : `./${name}`, { types: `./dist/${name}.d.ts` }]));

const describePackage = (...entries: string[]): void =>
  write('package.json', JSON.stringify({ name: 'zoo', version: '1.0.0', exports: exportsOf(...entries) }));

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'peft-api-test-'));
  mkdirSync(join(folder, 'dist'));
  describePackage('index', 'node');
  write('dist/index.d.ts', 'export declare function feed(animal: string): void;\n');
  write('dist/node.d.ts', 'export declare const hungry: boolean;\n');
});
afterEach(() => rmSync(folder, { recursive: true }));

test('each entry has its report, which says the same again', async () => {
  await writeReports(folder);
  expect(readdirSync(join(folder, 'api'))).toEqual(['index.api.md', 'node.api.md']);
  const report = readFileSync(join(folder, 'api/index.api.md'), 'utf8');
  expect(report).toContain('export function feed(animal: string): void;');
  await checkReports(folder);
});

test('the order of declarations does not matter', async () => {
  const [a, b] = ['export declare const a: 1;\n', 'export declare const b: 2;\n'];
  write('dist/index.d.ts', a + b);
  await writeReports(folder);
  write('dist/index.d.ts', b + a);
  await checkReports(folder);
});

test.each([
  ['a signature', 'export declare function feed(animal: string, food: string): void;\n'],
  ['a name', 'export declare function water(animal: string): void;\n'],
])('%s that changes fails the check, which shows it and the command that renews the reports', async (_, changed) => {
  await writeReports(folder);
  write('dist/index.d.ts', changed);
  const [exported = ''] = changed.split('\n').slice(-2);
  const failed = await checkReports(folder).catch((error: Error) => error.message);
  expect(failed).toContain(`${basename(folder)}/api/index.api.md:`);
  expect(failed).toContain('- export function feed(animal: string): void;');
  expect(failed).toContain(`+ ${exported.replace('declare ', '')}`);
  expect(failed).toContain('npx pnpm@10 api');
  await writeReports(folder);
  await checkReports(folder);
});

test('an unexported type that changes fails the check of what names it', async () => {
  const withName = (type: string) =>
    `interface Animal { name: ${type} }\nexport declare function feed(animal: Animal): void;\n`;
  write('dist/index.d.ts', withName('string'));
  await writeReports(folder);
  write('dist/index.d.ts', withName('number'));
  await expect(checkReports(folder)).rejects.toThrow(/- +name: string\b.*\n\+ +name: number\b/);
});

test('an entry that is new or gone fails the check', async () => {
  await writeReports(folder);
  describePackage('index');
  await expect(checkReports(folder)).rejects.toThrow('- export const hungry: boolean;');
  await writeReports(folder);
  expect(readdirSync(join(folder, 'api'))).toEqual(['index.api.md']);
  describePackage('index', 'node');
  await expect(checkReports(folder)).rejects.toThrow('+ export const hungry: boolean;');
});

test('a package that is not built is told so', async () => {
  rmSync(join(folder, 'dist/node.d.ts'));
  await expect(checkReports(folder)).rejects.toThrow('zoo has no ./dist/node.d.ts. Build it first: npx pnpm@10 build');
});

test('the command of a package ends with status 1 where its reports are old', () => {
  const { status, stderr } = spawnSync(process.execPath, [join(root, 'tooling/scripts/src/api/main.mjs')], {
    cwd: folder,
    encoding: 'utf8',
  });
  expect(stderr).toContain('+ export const hungry: boolean;');
  expect(status).toBe(1);
});

test('every package to publish has its reports, and checks them as it is packed', async () => {
  for (const place of await packagesToPublish()) {
    const description = JSON.parse(readFileSync(join(place, 'package.json'), 'utf8'));
    const reports = entriesOf(description).map(({ report }) => report);
    expect(readdirSync(join(place, 'api')).sort(), place).toEqual(reports.sort());
    expect(description.scripts.package, place).toContain('node ../../tooling/scripts/src/api/main.mjs');
  }
});

test('reports are not published', () => {
  const pack = ['pack', '--dry-run', '--json', '--ignore-scripts'];
  const [{ files }] = JSON.parse(execFileSync('npm', pack, { cwd: join(root, 'packages/core'), encoding: 'utf8' })) as [
    { files: { path: string }[] },
  ];
  expect(files.map(({ path }) => path)).toContain('src/index.ts');
  expect(files.filter(({ path }) => path.startsWith('api/'))).toEqual([]);
});
