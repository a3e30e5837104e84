import { execFileSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { root } from '../src/root.mjs';

let copy: string;

const versions = (): Record<string, string> =>
  Object.fromEntries(
    readdirSync(join(copy, 'packages')).map(name => {
      const { version } = JSON.parse(readFileSync(join(copy, 'packages', name, 'package.json'), 'utf8'));
      return [name, version];
    }),
  );

/** Releases what the changesets say. Returns the packages whose version changes. */
function release(...changes: [name: string, kind: 'patch' | 'minor' | 'major'][]): string[] {
  const before = versions();
  for (const [name, kind] of changes)
    writeFileSync(join(copy, '.changeset', `${name}-again.md`), `---\n'@peft/${name}': ${kind}\n---\n\nA change.\n`);
  execFileSync(process.execPath, [join(root, 'node_modules/@changesets/cli/bin.js'), 'version'], { cwd: copy });
  return Object.entries(versions()).flatMap(([name, version]) => (version === before[name] ? [] : [name]));
}

/** A copy of what changesets read, after a first release. */
beforeAll(() => {
  copy = mkdtempSync(join(tmpdir(), 'peft-releases-'));
  for (const name of ['package.json', 'pnpm-workspace.yaml', 'pnpm-lock.yaml', '.changeset'])
    cpSync(join(root, name), join(copy, name), { recursive: true });
  for (const folder of ['packages', 'tooling']) {
    for (const name of readdirSync(join(root, folder))) {
      const description = join(root, folder, name, 'package.json');
      if (existsSync(description)) cpSync(description, join(copy, folder, name, 'package.json'));
    }
  }
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
  execFileSync('git', ['init', '--quiet', '--initial-branch', 'main'], { cwd: copy });
  release();
});
afterAll(() => rmSync(copy, { recursive: true }));

test('the first release gives every package its first version', () => {
  expect(new Set(Object.values(versions()))).toEqual(new Set(['0.1.0']));
});

test('a fix of lora releases lora alone', () => {
  expect(release(['lora', 'patch'])).toEqual(['lora']);
});

test('a fix of core releases core alone: the ranges of the others take it', () => {
  expect(release(['core', 'patch'])).toEqual(['core']);
  const { dependencies, peerDependencies } = JSON.parse(readFileSync(join(copy, 'packages/neat/package.json'), 'utf8'));
  expect({ ...dependencies, ...peerDependencies }['@peft/core']).toBe('workspace:^');
});
