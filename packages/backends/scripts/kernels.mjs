/**
 * Compiles `assembly/` to `generated/kernels.js`: the same kernels with and without relaxed SIMD. Nothing of them may
 * need memory of its own, since they run in that of tfjs.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import asc from 'assemblyscript/asc';

const root = new URL('..', import.meta.url).pathname;
const builds = { simd: [], relaxedSimd: ['--enable', 'relaxed-simd'] };

async function compile(flags) {
  let binary;
  const memory = ['--importMemory', '--noExportMemory', '--maximumMemory', '65536'];
  const options = ['-O3', '--noAssert', '--runtime', 'stub', ...memory, '--enable', 'simd'];
  const { error, stderr } = await asc.main(
    ['assembly/index.ts', '--baseDir', root, '-o', 'out.wasm', ...options, ...flags],
    {
      writeFile: (_, content) => {
        binary = content;
      },
    },
  );
  if (error) throw new Error(`${stderr}`, { cause: error });
  return Buffer.from(binary).toString('base64');
}

const entries = [];
for (const [name, flags] of Object.entries(builds)) entries.push(`  ${name}: '${await compile(flags)}',`);

mkdirSync(`${root}generated`, { recursive: true });
writeFileSync(`${root}generated/kernels.js`, `export const kernelBuilds = {\n${entries.join('\n')}\n};\n`);
writeFileSync(
  `${root}generated/kernels.d.ts`,
  [
    '/** WebAssembly modules in base64. */',
    `export declare const kernelBuilds: Record<${Object.keys(builds)
      .map(name => `'${name}'`)
      .join(' | ')}, string>;`,
    '',
  ].join('\n'),
);
