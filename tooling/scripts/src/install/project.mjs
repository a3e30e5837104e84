import { copyFile, mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { givens } from './readme.mjs';
import { run } from './run.mjs';

/** How each package manager adds packages. All but npm are fetched by npx. */
export const managers = {
  npm: names => ['npm', 'install', ...names],
  pnpm: names => ['npx', '--yes', 'pnpm@10', 'add', ...names],
  yarn: names => ['npx', '--yes', 'yarn@1', 'add', '--ignore-engines', ...names],
  bun: names => ['npx', '--yes', 'bun@1', 'add', ...names],
};

/** An empty project that takes packages from a registry. */
export async function emptyProject(folder, { npmrc, url }) {
  await mkdir(join(folder, 'src'), { recursive: true });
  const description = { name: 'app', version: '1.0.0', private: true, type: 'module' };
  await writeFile(join(folder, 'package.json'), JSON.stringify(description));
  await copyFile(npmrc, join(folder, '.npmrc'));
  await writeFile(join(folder, '.yarnrc'), `registry "${url}"\n`);
  await writeFile(join(folder, 'bunfig.toml'), `[install]\nregistry = "${url}"\n`);
}

/** Adds packages to a project. Caches of this machine are not used for ours, which change under one version. */
export const add = (folder, manager, names) =>
  run(managers[manager](names), {
    cwd: folder,
    env: {
      npm_config_cache: join(folder, '..', 'cache', 'npm'),
      npm_config_store_dir: join(folder, '..', 'cache', 'pnpm'),
      YARN_CACHE_FOLDER: join(folder, '..', 'cache', 'yarn'),
      BUN_INSTALL_CACHE_DIR: join(folder, '..', 'cache', 'bun'),
    },
    patience: 600,
  });

/** Which packages of ours a project has. */
export const oursIn = async folder => (await readdir(join(folder, 'node_modules', '@peft'))).sort();

const options = {
  target: 'es2022',
  lib: ['es2023', 'esnext.disposable', 'dom', 'dom.asynciterable'],
  strict: true,
  skipLibCheck: false,
  rootDir: 'src',
  outDir: 'built',
};

/** The compiler options of the two ways in which TypeScript looks packages up. */
const resolutions = {
  nodenext: { module: 'nodenext', moduleResolution: 'nodenext' },
  bundler: { module: 'esnext', moduleResolution: 'bundler' },
};

/** Writes the lines of a README as a program. */
export async function writeProgram(folder, lines) {
  await writeFile(join(folder, 'src', 'givens.ts'), givens);
  await writeFile(join(folder, 'src', 'example.ts'), `import './givens.js';\n${lines}\nconsole.log('it runs');\n`);
  for (const [name, own] of Object.entries(resolutions)) {
    const config = { compilerOptions: { ...options, ...own }, include: ['src'] };
    await writeFile(join(folder, `tsconfig.${name}.json`), JSON.stringify(config));
  }
}

/** Checks the types of the program, and compiles it. */
export const compile = (folder, resolution) =>
  run([join(folder, 'node_modules', '.bin', 'tsc'), '-p', `tsconfig.${resolution}.json`], { cwd: folder });

/** Runs the compiled program. */
export async function runProgram(folder, node = process.execPath) {
  const printed = await run([node, join(folder, 'built', 'example.js')], { cwd: folder });
  if (!printed.includes('it runs')) throw new Error(`The program of ${folder} did not reach its end:\n${printed}`);
}
