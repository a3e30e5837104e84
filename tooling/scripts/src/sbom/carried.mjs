import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { build } from 'vite';

/** The configurations of Vite whose results a package publishes, with the folders of their sources. */
const configs = [
  { file: 'vite.config.ts', root: '.' },
  { file: 'vite.ready.config.ts', root: 'src/ready' },
];

/** The folder of the package that has a file of npm. */
const packageFolder = file => /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0];

/**
 * The packages of npm whose code or files are in what a package publishes: Vite bundles it, and says what it bundled.
 *
 * @param {string} folder the package's
 * @returns {Promise<object[]>} the package.json of each, by name; none if the package is not bundled
 */
export async function carriedBy(folder) {
  const files = new Set();
  const collect = base => ({
    name: 'sbom:collect',
    generateBundle(_, bundle) {
      for (const output of Object.values(bundle)) {
        if (output.type === 'asset') for (const file of output.originalFileNames) files.add(resolve(base, file));
        else
          for (const [id, { renderedLength }] of Object.entries(output.modules)) if (renderedLength > 0) files.add(id);
      }
    },
  });
  for (const { file, root } of configs) {
    const configFile = join(folder, file);
    if (!existsSync(configFile)) continue;
    const base = join(folder, root);
    const plugins = () => [collect(base)];
    await build({
      root: base,
      configFile,
      logLevel: 'error',
      build: { write: false },
      plugins: plugins(),
      worker: { plugins },
    });
  }
  const folders = new Set([...files].map(packageFolder).filter(Boolean));
  const descriptions = await Promise.all(
    [...folders].map(async each => JSON.parse(await readFile(join(each, 'package.json'), 'utf8'))),
  );
  return descriptions.sort((a, b) => (a.name < b.name ? -1 : 1));
}
