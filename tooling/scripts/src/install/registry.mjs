import { spawn } from 'node:child_process';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from '@peft/vitest/free-port';
import { run } from './run.mjs';

/** The last one that Node 20 runs. It asks for `node-fetch` by a tag, which mirrors of npm may lack. */
const verdaccio = { dependencies: { verdaccio: '6.1.6' }, overrides: { 'node-fetch': '2.7.0' } };

/** Takes our packages from anyone, and asks the registry of this machine's npm for all others. */
const configOf = (folder, upstream) => `
storage: ${join(folder, 'storage')}
max_body_size: 100mb
uplinks: { upstream: { url: '${upstream}', maxage: 60m, timeout: 60s } }
packages:
  '@peft/*': { access: $all, publish: $anonymous, unpublish: $anonymous }
  '**': { access: $all, proxy: upstream }
log: { type: file, path: ${join(folder, 'log.txt')}, level: warn }
`;

async function answers(url) {
  try {
    return (await fetch(`${url}-/ping`)).ok;
  } catch {
    return false;
  }
}

/**
 * A registry of this machine.
 *
 * @param {string} folder an empty folder for what it keeps
 */
export async function startRegistry(folder) {
  await mkdir(folder, { recursive: true });
  const upstream = (await run(['npm', 'config', 'get', 'registry'], { cwd: folder })).trim();
  const port = await freePort();
  const url = `http://127.0.0.1:${port}/`;
  await writeFile(join(folder, 'config.yaml'), configOf(folder, upstream));
  await writeFile(join(folder, 'package.json'), JSON.stringify({ private: true, ...verdaccio }));
  await run(['npm', 'install', '--no-audit', '--no-fund'], { cwd: folder });
  const program = join(folder, 'node_modules', '.bin', 'verdaccio');
  const command = ['--config', join(folder, 'config.yaml'), '--listen', `127.0.0.1:${port}`];
  const child = spawn(program, command, { cwd: folder, stdio: 'ignore' });
  const stop = async () => void child.kill();
  for (let waited = 0; !(await answers(url)); waited++) {
    if (waited > 300 || child.exitCode !== null) {
      await stop();
      throw new Error('The registry did not start.');
    }
    await new Promise(resolve => setTimeout(resolve, 1000));
  }
  // npm asks for a token, though the registry does not.
  await writeFile(
    join(folder, 'npmrc'),
    `registry=${url}\n//127.0.0.1:${port}/:_authToken=none\naudit=false\nfund=false\n`,
  );
  return { url, npmrc: join(folder, 'npmrc'), stop };
}

/**
 * Packs packages as a release does, unpacked so that they can be published under any version.
 *
 * @param {readonly string[]} folders
 * @returns {Promise<Map<string, string>>} the unpacked folder of each, by its name
 */
export async function packAll(folders, scratch) {
  const packed = new Map();
  for (const folder of folders) {
    const { name } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'));
    const place = join(scratch, name.split('/')[1]);
    await mkdir(place, { recursive: true });
    await run(['npx', '--yes', 'pnpm@10', 'pack', '--pack-destination', place], { cwd: folder });
    const [tarball] = await readdir(place);
    await run(['tar', '-xzf', tarball], { cwd: place });
    packed.set(name, join(place, 'package'));
  }
  return packed;
}

/** Publishes a package under a version, asking for the same version of ours or a later one that is compatible. */
export async function publish(folder, version, registry) {
  const path = join(folder, 'package.json');
  const description = JSON.parse(await readFile(path, 'utf8'));
  for (const dependencies of [description.dependencies, description.peerDependencies, description.optionalDependencies])
    for (const name of Object.keys(dependencies ?? {}))
      if (name.startsWith('@peft/')) dependencies[name] = `^${version}`;
  await writeFile(path, JSON.stringify({ ...description, version }));
  const there = ['--userconfig', registry.npmrc, '--registry', registry.url];
  await run(['npm', 'publish', '--ignore-scripts', ...there], { cwd: folder });
}
