/** Writes `generated/versions.js`: the versions of the packages that a run computes with, for its record. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const own = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
const names = [...Object.keys(own.dependencies), '@tensorflow/tfjs-core'];
const versionOf = name => JSON.parse(readFileSync(require.resolve(`${name}/package.json`), 'utf8')).version;
const versions = Object.fromEntries([[own.name, own.version], ...names.map(name => [name, versionOf(name)])]);

const folder = new URL('../generated/', import.meta.url);
mkdirSync(folder, { recursive: true });
writeFileSync(new URL('versions.js', folder), `export const versions = ${JSON.stringify(versions, null, 2)};\n`);
writeFileSync(new URL('versions.d.ts', folder), 'export declare const versions: Readonly<Record<string, string>>;\n');
