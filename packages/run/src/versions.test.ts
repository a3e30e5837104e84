import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { versions as built } from '#versions';
import { installedVersions } from './versions.ts';

test('the versions are those that are installed; of what is not found, those at the build', () => {
  const folder = mkdtempSync(join(tmpdir(), 'peft-versions-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const lora = join(folder, 'node_modules', '@peft', 'lora');
  mkdirSync(lora, { recursive: true });
  writeFileSync(join(lora, 'package.json'), '{ "name": "@peft/lora", "version": "9.8.7" }');
  const from = pathToFileURL(join(folder, 'run.js')).href;
  expect(installedVersions(from)).toEqual({ ...built, '@peft/lora': '9.8.7' });
});

test('here they are those of this repository, and in a page those at the build', () => {
  expect(installedVersions()).toEqual(built);
  expect(installedVersions('https://example.org/run.js')).toEqual(built);
});
