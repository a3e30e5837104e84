/** Compiles `assembly/` to `generated/kernels.js`. */
import asc from 'assemblyscript/asc';
import { compileKernels, writeKernels } from '../../../tooling/scripts/src/kernels.mjs';

const root = new URL('..', import.meta.url).pathname;

writeKernels(root, {
  code: `export const kernelModule = '${await compileKernels(asc, root)}';\n`,
  types: '/** A WebAssembly module in base64. */\nexport declare const kernelModule: string;\n',
});
