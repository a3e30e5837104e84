import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { add, emptyProject } from './project.mjs';
import { publish } from './registry.mjs';
import { run } from './run.mjs';

const program = `import { adapt, initialize, key, Linear, Module, parameters } from '@peft/core';
import { lora } from '@peft/lora';
import { neat } from '@peft/neat';
import '@tensorflow/tfjs-backend-cpu';

class Net extends Module {
  fc = new Linear(4, 4);
  forward(x) {
    return this.fc.call(x);
  }
}
const model = adapt(initialize(new Net(), key(1)));
await model.add('new', lora({ targets: ['fc'], r: 1 }));
await model.add('old', neat({ targets: ['fc'], r: 1 }));
console.log([...parameters(model.base)].length);
`;

/**
 * Upgrades one method beside another: a project with the first versions of neat and core gets a later lora, which asks for a later
 * core. Both must share that one.
 *
 * @throws where there are two copies of core, or the two methods do not adapt one model
 */
export async function checkAges(folder, packed, registry) {
  await emptyProject(folder, registry);
  await add(folder, 'npm', [
    '@peft/neat',
    '@peft/core',
    '@tensorflow/tfjs-core@4.22.0',
    '@tensorflow/tfjs-backend-cpu@4.22.0',
  ]);
  for (const name of ['@peft/core', '@peft/lora']) await publish(packed.get(name), '0.1.1', registry);
  await add(folder, 'npm', ['@peft/lora@0.1.1']);
  const versionOf = async name =>
    JSON.parse(await readFile(join(folder, 'node_modules', '@peft', name, 'package.json'), 'utf8')).version;
  const found = await Promise.all(['core', 'lora', 'neat'].map(versionOf));
  if (found.join() !== '0.1.1,0.1.1,0.1.0')
    throw new Error(`core, lora and neat are ${found}, not 0.1.1, 0.1.1 and 0.1.0.`);
  const nested = (await run(['npm', 'ls', '@peft/core', '--all', '--parseable'], { cwd: folder })).trim().split('\n');
  if (nested.length !== 1) throw new Error(`There are ${nested.length} copies of core: ${nested}.`);
  await writeFile(join(folder, 'program.js'), program);
  await run([process.execPath, 'program.js'], { cwd: folder });
}
