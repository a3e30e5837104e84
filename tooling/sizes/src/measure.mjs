import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';

/** The packages whose browser entry is measured. */
export const measured = [
  'core',
  'lora',
  'neat',
  'lily',
  'heat',
  'pear',
  'backbones',
  'data',
  'train',
  'backends',
  'compile',
  'layers',
  'vtab',
  'report',
  'sweep',
  'run',
];

/** Our packages and TensorFlow.js stay out of a bundle; small libraries that a package alone needs are in it. */
const othersExternal = {
  name: 'others-external',
  setup(bundle) {
    bundle.onResolve({ filter: /^(?:[@a-z]|#onnxruntime)/ }, ({ path, importer }) =>
      importer === '<stdin>' || /^(pure-rand|valibot)/.test(path) ? null : { path, external: true },
    );
  },
};

/**
 * The size of a page's script, minified and gzipped, without TensorFlow.js and without the other packages here.
 *
 * @param {string} source what it imports from our packages
 * @param {string} [folder] where they are looked up; here unless given
 * @returns {Promise<number>} in bytes
 */
export async function gzippedSize(source, folder = import.meta.dirname) {
  const { outputFiles } = await build({
    stdin: { contents: source, resolveDir: folder },
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    write: false,
    plugins: [othersExternal],
  });
  return gzipSync(outputFiles[0].contents).length;
}

/**
 * What a package adds to a page: all of its browser entry. Packages must be built.
 *
 * @param {string} name its folder, one of {@link measured}
 * @returns {Promise<number>} in bytes
 */
export function packageSize(name) {
  const entries = name === 'core' ? ['core', 'core/method', 'core/engine'] : [name];
  return gzippedSize(entries.map(entry => `export * from '@peft/${entry}';`).join('\n'));
}
