import { copyFile, mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { givens } from './readme.mjs';
import { run } from './run.mjs';

/** How each package manager is called, and adds packages. All but npm are fetched by npx. */
export const managers = {
  npm: { program: ['npm'], add: ['install'] },
  pnpm: { program: ['npx', '--yes', 'pnpm@10'], add: ['add'] },
  yarn: { program: ['npx', '--yes', 'yarn@1'], add: ['add'] },
  bun: { program: ['npx', '--yes', 'bun@1'], add: ['add'] },
};

/** Runs a package manager in a project. Caches of this machine are not used for our packages, which change under one version. */
const manage = (folder, manager, args) =>
  run([...managers[manager].program, ...args], {
    cwd: folder,
    env: {
      npm_config_cache: join(folder, '..', 'cache', 'npm'),
      npm_config_store_dir: join(folder, '..', 'cache', 'pnpm'),
      YARN_CACHE_FOLDER: join(folder, '..', 'cache', 'yarn'),
      BUN_INSTALL_CACHE_DIR: join(folder, '..', 'cache', 'bun'),
    },
    patience: 600,
  });

/** Adds packages to a project. */
export const add = (folder, manager, names) => manage(folder, manager, [...managers[manager].add, ...names]);

/** The version of a package manager. */
export const managerVersion = async (folder, manager) => (await manage(folder, manager, ['--version'])).trim();

/** An empty project that takes packages from a registry. */
export async function emptyProject(folder, { npmrc, url }) {
  await mkdir(join(folder, 'src'), { recursive: true });
  const description = { name: 'app', version: '1.0.0', private: true, type: 'module' };
  await writeFile(join(folder, 'package.json'), JSON.stringify(description));
  await copyFile(npmrc, join(folder, '.npmrc'));
  await writeFile(join(folder, '.yarnrc'), `registry "${url}"\n`);
  await writeFile(join(folder, 'bunfig.toml'), `[install]\nregistry = "${url}"\n`);
}

/** Which packages of ours a project has. */
export const oursIn = async folder => (await readdir(join(folder, 'node_modules', '@peft'))).sort();

const options = {
  target: 'es2022',
  lib: ['es2022', 'dom'],
  strict: true,
  skipLibCheck: false,
  rootDir: 'src',
  outDir: 'built',
};

/** The compiler options of the two ways in which TypeScript looks packages up. */
const resolving = {
  bundler: { module: 'esnext', moduleResolution: 'bundler' },
  nodenext: { module: 'nodenext', moduleResolution: 'nodenext' },
};

export const resolutions = Object.keys(resolving);

/** Writes the lines of a README as a program. */
export async function writeProgram(folder, lines) {
  await writeFile(join(folder, 'src', 'givens.ts'), givens);
  await writeFile(join(folder, 'src', 'example.ts'), `import './givens.js';\n${lines}\nconsole.log('it runs');\n`);
  for (const [name, own] of Object.entries(resolving)) {
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
