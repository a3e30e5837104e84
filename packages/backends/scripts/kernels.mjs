/**
 * Compiles `assembly/` to `generated/kernels.js`: the same kernels with and without relaxed SIMD. Nothing of them may
 * need memory of its own, since they run in that of tfjs.
 */
import asc from 'assemblyscript/asc';
import { compileKernels, writeKernels } from '../../../tooling/scripts/src/kernels.mjs';

const root = new URL('..', import.meta.url).pathname;
const memory = ['--importMemory', '--noExportMemory', '--maximumMemory', '65536'];
const builds = { simd: memory, relaxedSimd: [...memory, '--enable', 'relaxed-simd'] };

const entries = [];
for (const [name, flags] of Object.entries(builds))
  entries.push(`  ${name}: '${await compileKernels(asc, root, flags)}',`);
const names = Object.keys(builds).map(name => `'${name}'`);

writeKernels(root, {
  code: `export const kernelBuilds = {\n${entries.join('\n')}\n};\n`,
  types: `/** WebAssembly modules in base64. */\nexport declare const kernelBuilds: Record<${names.join(' | ')}, string>;\n`,
});
