import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { root } from '../src/root.mjs';

/** Licenses that ask for no more than a notice. */
const permissive = /^(MIT|ISC|0BSD|Apache-2\.0|BSD-[23]-Clause|Unlicense|CC0-1\.0)$/;

/** Packages under other licenses, and why users may have them. */
const exceptions: Readonly<Record<string, RegExp>> = {
  // A library of its own file, which sharp loads and anyone may replace.
  'LGPL-3.0-or-later': /^@img\/sharp-libvips-/,
  // A tool that builds the example of a page, and no part of what it builds.
  'MPL-2.0': /^lightningcss(-|$)/,
};

const isPermissive = (license: string): boolean =>
  license
    .replace(/[()]/g, '')
    .split(/ AND | OR /)
    .every(part => permissive.test(part));

test('what users install with ours is under licenses that let them', async () => {
  const command = ['--yes', 'pnpm@10', 'licenses', 'list', '--prod', '--json'];
  const { stdout } = await promisify(execFile)('npx', command, { cwd: root, maxBuffer: 1e8 });
  const licenses = Object.entries(JSON.parse(stdout) as Record<string, { name: string }[]>);
  expect(licenses.length).toBeGreaterThan(3);
  const others = licenses.flatMap(([license, packages]) =>
    isPermissive(license)
      ? []
      : packages.filter(({ name }) => !exceptions[license]?.test(name)).map(({ name }) => `${name}: ${license}`),
  );
  expect(others).toEqual([]);
});
