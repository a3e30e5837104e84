/** `pnpm new:method NAME`: a new package beside the other methods, whose checks pass, from `tooling/sample-method`. */
import { execFileSync } from 'node:child_process';
import { makeMethod } from './make-method.mjs';
import { root } from './root.mjs';

try {
  const files = makeMethod(root, process.argv.slice(2));
  const [name] = process.argv.slice(2);
  // Lines may be longer, and imports in another order, with this name.
  execFileSync('node_modules/.bin/biome', ['check', '--write', `packages/${name}`], { cwd: root, stdio: 'pipe' });
  console.log(`${files.join('\n')}

Next:
  npx pnpm@10 install                     # links the package
  cd packages/${name} && npx vitest run --project cpu
Write the method in packages/${name}/src/${name}.ts, its options in config.ts, and say in README.md where it is from.
CONTRIBUTING.md says how recipes and the CLI come to know it.`);
} catch (error) {
  console.error(`new:method: ${error.message}`);
  process.exitCode = 1;
}
