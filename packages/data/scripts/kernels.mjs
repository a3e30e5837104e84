/** Compiles `assembly/` to `generated/kernels.js`. */
import { mkdirSync, writeFileSync } from 'node:fs';
import asc from 'assemblyscript/asc';

const root = new URL('..', import.meta.url).pathname;

let binary;
const { error, stderr } = await asc.main(
  ['assembly/index.ts', '--baseDir', root, '-o', 'out.wasm', '-O3', '--noAssert', '--runtime', 'stub'].concat([
    '--enable',
    'simd',
  ]),
  {
    writeFile: (_, content) => {
      binary = content;
    },
  },
);
if (error) throw new Error(`${stderr}`, { cause: error });

mkdirSync(`${root}generated`, { recursive: true });
writeFileSync(
  `${root}generated/kernels.js`,
  `export const kernelModule = '${Buffer.from(binary).toString('base64')}';\n`,
);
writeFileSync(
  `${root}generated/kernels.d.ts`,
  '/** A WebAssembly module in base64. */\nexport declare const kernelModule: string;\n',
);
