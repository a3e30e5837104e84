/** Compiles AssemblyScript in `assembly/` of a package to `generated/kernels.js`. */
import { mkdirSync, writeFileSync } from 'node:fs';

/**
 * The module in base64.
 *
 * @param {{ main(args: string[], options: object): Promise<{ error: Error | null, stderr: unknown }> }} asc AssemblyScript's compiler, of the package
 * @param {string} root the package's folder, with a slash at the end
 * @param {string[]} [flags]
 */
export async function compileKernels(asc, root, flags = []) {
  /** @type {Uint8Array | undefined} */
  let binary;
  const options = ['-O3', '--noAssert', '--runtime', 'stub', '--enable', 'simd'];
  const { error, stderr } = await asc.main(
    ['assembly/index.ts', '--baseDir', root, '-o', 'out.wasm', ...options, ...flags],
    {
      writeFile: (/** @type {string} */ _, /** @type {Uint8Array} */ content) => {
        binary = content;
      },
    },
  );
  if (error || !binary) throw new Error(`${stderr}`, { cause: error });
  return Buffer.from(binary).toString('base64');
}

/**
 * Writes `generated/kernels.js` and its types.
 *
 * @param {string} root
 * @param {{ code: string, types: string }} module
 */
export function writeKernels(root, { code, types }) {
  mkdirSync(`${root}generated`, { recursive: true });
  writeFileSync(`${root}generated/kernels.js`, code);
  writeFileSync(`${root}generated/kernels.d.ts`, types);
}
