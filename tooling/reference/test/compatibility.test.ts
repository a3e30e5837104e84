import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { adapt, initialize, key, Linear, Module, parseSafetensors, writeAdapterFolder } from '@peft/core';
import { lora } from '@peft/lora';
import type * as tf from '@tensorflow/tfjs-core';
import { describe, expect, test } from 'vitest';
import { interpreter, pythonMissing } from '../src/python.ts';

/* docs/compatibility.md says what is true of the versions that are installed, and of those that fixtures were made with. */

const root = fileURLToPath(new URL('../../..', import.meta.url));
const page = readFileSync(join(root, 'docs/compatibility.md'), 'utf8');

/** The versions that a section of the page names, by package. */
function versionsOf(heading: string): Map<string, string> {
  const [, section = ''] = page.split(new RegExp(`^## ${heading}$`, 'm'));
  const [own = ''] = section.split(/^## /m);
  const rows = [...own.matchAll(/^\| `(\S+)` +\| (\S+) +\|/gm)];
  return new Map(rows.map(([, name, version]) => [name, version]));
}

const python = versionsOf('Python');
const javascript = versionsOf('JavaScript');

const pythonVersions = `
import sys, pathlib, os, json
from importlib.metadata import version
sys.path.insert(0, str(pathlib.Path(os.environ['PEFT_SHARED']) / 'reference'))
import timm_cpu, timm
print(json.dumps({name: timm.__version__ if name == 'timm' else version(name) for name in sys.argv[1:]}))
`;

const skipped = pythonMissing ? ` (skipped: ${pythonMissing})` : '';
test.skipIf(pythonMissing)(`Python's versions are those of the reference environment${skipped}`, () => {
  const { command, args, env } = interpreter;
  const names = [...python.keys()];
  const found = execFileSync(command, [...args, '-c', pythonVersions, ...names], { env, encoding: 'utf8' });
  const versions = Object.entries<string>(JSON.parse(found)).map(([name, version]) => [name, version.split('+')[0]]);
  expect(names).toContain('peft');
  expect(Object.fromEntries(versions)).toEqual(Object.fromEntries(python));
});

test('JavaScript versions are those that are installed', () => {
  const workspaces = ['packages', 'tooling'].flatMap(group =>
    readdirSync(join(root, group)).map(name => join(root, group, name)),
  );
  expect(javascript.size).toBeGreaterThan(5);
  for (const [name, version] of javascript) {
    const manifests = workspaces.map(folder => join(folder, 'node_modules', name, 'package.json')).filter(existsSync);
    const found = new Set(manifests.map(path => JSON.parse(readFileSync(path, 'utf8')).version));
    expect([...found], name).toEqual([version]);
  }
});

describe('the versions of Python packages are those', () => {
  test('that adapters are written for', async () => {
    class Net extends Module {
      readonly fc = new Linear(4, 3);
      forward(x: tf.Tensor): tf.Tensor {
        return this.fc.call(x);
      }
    }
    const model = adapt(initialize(new Net(), key(0)));
    await model.add(lora({ targets: ['fc'] }));
    const files = await writeAdapterFolder(model);
    const config = JSON.parse(new TextDecoder().decode(files['adapter_config.json']));
    expect(config.peft_version).toBe(python.get('peft'));
    expect(page).toContain(`as peft ${config.peft_version} `);
  });

  test.each(['peft', 'timm', 'transformers', 'torch'])('that docs/python.md names, for %s', name => {
    expect(readFileSync(join(root, 'docs/python.md'), 'utf8')).toContain(`${name} ${python.get(name)}`);
  });

  test.each(['packages/core/test/fixtures/targets.json', 'packages/lora/test/fixtures/combine.json'])(
    'that %s is of',
    path => {
      expect(JSON.parse(readFileSync(join(root, path), 'utf8')).peft).toBe(python.get('peft'));
    },
  );

  test.each(['deit', 'dinov2', 'swin', 'vit'])('that the fixture of %s is of', name => {
    const path = join(root, `packages/backbones/test/fixtures/transformers-${name}.safetensors`);
    const { metadata } = parseSafetensors(readFileSync(path), path);
    expect(JSON.parse(metadata.config).transformers_version).toBe(python.get('transformers'));
  });
});

test('the tests that it names are there', () => {
  const links = [...page.matchAll(/\]\((\.\.\/\S+\.test\.ts)\)/g)].map(([, path]) => path);
  expect(links.length).toBeGreaterThan(10);
  expect(links.filter(path => !existsSync(join(root, 'docs', path)))).toEqual([]);
});
