import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { checkAges } from './ages.mjs';
import { bundle, bundlers } from './bundle.mjs';
import { packagesToPublish } from './packages.mjs';
import { add, compile, emptyProject, managers, oursIn, runProgram, writeProgram } from './project.mjs';
import { readmeOf } from './readme.mjs';
import { packAll, publish, startRegistry } from './registry.mjs';
import { run } from './run.mjs';

/*
 * Publishes every package to a registry of this machine, installs each method alone in empty projects, and runs the lines of its README
 * there. It prints a table, and ends with status 1 if anything fails.
 *
 *     node tooling/scripts/src/install/matrix.mjs --methods lora --managers npm --nodes "" --bundlers esbuild
 */

const { values } = parseArgs({
  options: {
    methods: { type: 'string', default: 'lora,neat,lily,pear,heat' },
    managers: { type: 'string', default: Object.keys(managers).join(',') },
    /** Versions of Node beside the one that runs this. */
    nodes: { type: 'string', default: '20,22,24' },
    bundlers: { type: 'string', default: Object.keys(bundlers).join(',') },
  },
});
const listOf = text => text.split(',').filter(Boolean);

const scratch = await mkdtemp(join(tmpdir(), 'peft-install-'));
const rows = [];
let failures = 0;

/** Notes how a step of a method went. */
async function step(row, name, work) {
  try {
    row[name] = (await work()) ?? 'yes';
  } catch (error) {
    failures++;
    row[name] = 'NO';
    console.error(`${row.method}, ${name}: ${error.message}`);
  }
}

/** The programs of other versions of Node, by version. */
async function nodesOf(versions) {
  const entries = versions.map(async version => {
    const folder = join(scratch, `node-${version}`);
    await run(['npm', 'install', '--prefix', folder, `node@${version}`], { cwd: scratch });
    return [version, join(folder, 'node_modules', 'node', 'bin', 'node')];
  });
  return Promise.all(entries);
}

/** What compiles the lines. pnpm hides the types that those of TensorFlow.js name, so that a project asks for them itself. */
const compilers = manager => [
  ...['typescript@5.9', '@types/node@22'],
  ...(manager === 'pnpm' ? ['@types/long@4'] : []),
];

async function tryMethod(method, registry, nodes) {
  const row = { method };
  rows.push(row);
  const { installs, lines } = await readmeOf(method);
  const [alone = [], ...others] = installs;
  for (const manager of listOf(values.managers)) {
    const folder = join(scratch, `${method}-${manager}`);
    await emptyProject(folder, registry);
    await step(row, manager, async () => {
      await add(folder, manager, alone);
      const ours = (await oursIn(folder)).map(name => `@peft/${name}`);
      if (ours.some(name => !alone.includes(name))) throw new Error(`There is more of ours than asked for: ${ours}.`);
      await add(folder, manager, [...others.flat(), ...compilers(manager)]);
      await writeProgram(folder, lines);
      await compile(folder, 'nodenext');
      await runProgram(folder);
    });
  }
  const [first] = listOf(values.managers);
  const folder = join(scratch, `${method}-${first}`);
  for (const resolution of ['bundler', 'nodenext']) {
    await step(row, `types, ${resolution}`, async () => void (await compile(folder, resolution)));
  }
  for (const [version, program] of nodes) await step(row, `Node ${version}`, () => runProgram(folder, program));
  const tools = listOf(values.bundlers).flatMap(name => bundlers[name].packages);
  if (tools.length > 0) await add(folder, first, [...tools, '@tensorflow/tfjs-backend-cpu@4.22.0']);
  for (const name of listOf(values.bundlers)) await step(row, name, () => bundle(folder, method, name));
}

/** Starts the registry; ends with status 3 where this machine cannot have one, or cannot reach npm's. */
async function reachableRegistry() {
  try {
    const registry = await startRegistry(join(scratch, 'registry'));
    const { ok, status } = await fetch(`${registry.url}@tensorflow%2ftfjs-core`);
    if (ok) return registry;
    await registry.stop();
    throw new Error(`The registry of this machine got TensorFlow.js with status ${status}.`);
  } catch (error) {
    console.error(`Nothing can be installed here: ${error.message}`);
    await rm(scratch, { recursive: true, force: true });
    process.exit(3);
  }
}

try {
  const registry = await reachableRegistry();
  try {
    const packed = await packAll(await packagesToPublish(), join(scratch, 'packed'));
    for (const folder of packed.values()) await publish(folder, '0.1.0', registry);
    console.log(`Published ${packed.size} packages.`);
    const nodes = await nodesOf(listOf(values.nodes));
    for (const method of listOf(values.methods)) await tryMethod(method, registry, nodes);
    await checkAges(join(scratch, 'ages'), packed, registry);
    console.log('A newer lora and an older neat share one core.');
  } finally {
    await registry.stop();
  }
} finally {
  await rm(scratch, { recursive: true, force: true });
}

const columns = Object.keys(rows[0] ?? {});
const lineOf = cells => `| ${cells.join(' | ')} |`;
console.log(
  [lineOf(columns), lineOf(columns.map(() => '---')), ...rows.map(row => lineOf(columns.map(name => row[name])))].join(
    '\n',
  ),
);
process.exitCode = failures > 0 ? 1 : 0;
