/**
 * `pnpm quick`: types, lint, import rules, and unit tests of what changed since `main`, from sources and in under a minute.
 * Tests run on the CPU backend, those beside the changed files first, for as long as the time lasts.
 */
import { spawn } from 'node:child_process';
import { relatedTests } from './related-tests.mjs';
import { root } from './root.mjs';

/** Runs a command, and prints what it says if it fails. */
function run(name, command, args) {
  const begun = performance.now();
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: root,
      env: { ...process.env, NO_COLOR: '1' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', text => (output += text));
    child.on('error', reject);
    child.on('close', code => {
      const seconds = ((performance.now() - begun) / 1000).toFixed(1);
      console.log(`${code === 0 ? 'ok    ' : 'FAILED'} ${name} (${seconds} s)`);
      if (code !== 0) console.log(output);
      resolve(code === 0);
    });
  });
}

const node = (name, script) => run(name, process.execPath, [script]);
const tool = (name, command, ...args) => run(name, `node_modules/.bin/${command}`, args);

/** Files that sources import and a build would make. */
const generated = await Promise.all([
  node('gradients', 'packages/core/scripts/gradients.mjs'),
  node('kernels', 'packages/backends/scripts/kernels.mjs'),
  node('versions', 'packages/run/scripts/versions.mjs'),
]);

const checks = async () => [
  await tool('lint', 'biome', 'ci', '--colors=off', '.'),
  await tool('types', 'tsc', '-p', 'tsconfig.quick.json'),
  await tool(
    'imports',
    'depcruise',
    '--config',
    '.dependency-cruiser.mjs',
    'packages',
    'tooling',
    'docs/examples',
    'examples',
  ),
];

const [passed, tested] = await Promise.all([checks(), relatedTests()]);
process.exit([...generated, ...passed, tested].every(Boolean) ? 0 : 1);
