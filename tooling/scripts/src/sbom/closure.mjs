import { readFile, realpath } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { parse } from 'yaml';

/**
 * A package that users get, of ours or of npm.
 *
 * @typedef {object} Installed
 * @property {string} key `name@version`
 * @property {object} description its package.json, or its name and version alone if it is for another platform than this one
 * @property {string} [integrity] of its tarball, as npm gives it; none of ours
 * @property {{ key: string, optional: boolean }[]} dependencies what it brings; users may be without an optional one
 */

const stale = missing => new Error(`pnpm-lock.yaml has no ${missing}. Renew it: npx pnpm@10 install`);

/** Reads the lock of a workspace. */
export const readLock = async root => parse(await readFile(join(root, 'pnpm-lock.yaml'), 'utf8'));

/** The integrity of a locked package. */
export function integrityOf(lock, key) {
  const locked = lock.packages[key];
  if (!locked) throw stale(key);
  return locked.resolution.integrity;
}

const readDescription = async folder => JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'));

/** Where Node finds a dependency of the package in `folder`: beside it in pnpm's store, or below it in a workspace. */
async function dependencyFolder(folder, name) {
  if (folder === undefined) return undefined;
  const [, store = join(folder, 'node_modules')] = /^(.*\/node_modules)\/(?:@[^/]+\/)?[^/]+$/.exec(folder) ?? [];
  return realpath(join(store, name)).catch(() => undefined);
}

/** A dependency as pnpm has locked it, and its folder, if it is installed here. */
async function edgeOf(folder, name, locked, optional) {
  const isAlias = /^@?[^@(]+@/.test(locked);
  const path = isAlias ? locked : `${name}@${locked}`;
  return { path, key: path.replace(/\(.*$/, ''), folder: await dependencyFolder(folder, name), optional };
}

/** What a locked package depends on, without its optional peers, which pnpm locks because this workspace has them. */
function edgesOf(lock, { path, key, folder }) {
  const snapshot = lock.snapshots[path];
  if (!snapshot) throw stale(path);
  const { peerDependenciesMeta = {} } = lock.packages[key];
  const edges = ['dependencies', 'optionalDependencies'].flatMap(kind =>
    Object.entries(snapshot[kind] ?? {})
      .filter(([name]) => !peerDependenciesMeta[name]?.optional)
      .map(([name, locked]) => edgeOf(folder, name, locked, kind === 'optionalDependencies')),
  );
  return Promise.all(edges);
}

/** Adds what edges lead to, and all that it brings. */
async function follow(edges, lock, packages) {
  const queue = [...edges];
  for (const edge of queue) {
    const { key, folder } = edge;
    if (packages.has(key)) continue;
    const next = await edgesOf(lock, edge);
    const at = key.lastIndexOf('@');
    packages.set(key, {
      key,
      description: folder ? await readDescription(folder) : { name: key.slice(0, at), version: key.slice(at + 1) },
      integrity: integrityOf(lock, key),
      dependencies: next.map(({ key, optional }) => ({ key, optional })),
    });
    queue.push(...next);
  }
}

/** What package managers install with a package of ours: not its optional peers. */
function wantedOf({ dependencies = {}, optionalDependencies = {}, peerDependencies = {}, peerDependenciesMeta = {} }) {
  const peers = Object.keys(peerDependencies).filter(name => !peerDependenciesMeta[name]?.optional);
  return [
    ...[...Object.keys(dependencies), ...peers].map(name => ({ name, optional: false })),
    ...Object.keys(optionalDependencies).map(name => ({ name, optional: true })),
  ];
}

/**
 * What packages of a pnpm workspace bring to users: dependencies and required peers, and all that these bring, at the locked versions.
 *
 * @param {string} root the workspace
 * @param {object} lock its lock
 * @param {readonly string[]} folders the packages
 * @returns {Promise<{ ours: Installed[], foreign: Installed[] }>}
 * @throws where the lock lacks a dependency
 */
export async function closureOf(root, lock, folders) {
  const described = await Promise.all(
    folders.map(async folder => ({ folder, description: await readDescription(folder) })),
  );
  const keys = new Map(described.map(({ description: { name, version } }) => [name, `${name}@${version}`]));
  const foreign = new Map();
  const ours = [];
  for (const { folder, description } of described) {
    const importer = lock.importers[relative(root, folder)] ?? {};
    const locked = { ...importer.devDependencies, ...importer.optionalDependencies, ...importer.dependencies };
    const edges = await Promise.all(
      wantedOf(description).map(({ name, optional }) => {
        if (keys.has(name)) return { key: keys.get(name), optional };
        if (!locked[name]) throw stale(`${name} for ${description.name}`);
        return edgeOf(folder, name, locked[name].version, optional);
      }),
    );
    await follow(
      edges.filter(({ path }) => path !== undefined),
      lock,
      foreign,
    );
    const dependencies = edges.map(({ key, optional }) => ({ key, optional }));
    ours.push({ key: keys.get(description.name), description, dependencies });
  }
  return { ours, foreign: [...foreign.values()] };
}

/** The keys that some packages reach without an optional dependency. */
export function requiredBy(ours, foreign) {
  const all = new Map([...ours, ...foreign].map(each => [each.key, each]));
  const found = new Set(ours.map(({ key }) => key));
  for (const key of found) {
    for (const { key: next, optional } of all.get(key).dependencies) if (!optional) found.add(next);
  }
  return found;
}
