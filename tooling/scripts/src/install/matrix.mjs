import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { markdownTable, withSection } from '../markdown.mjs';
import { packagesToPublish } from '../packages.mjs';
import { checkAges } from './ages.mjs';
import { bundle, bundlers } from './bundle.mjs';
import { add, compile, emptyProject, managers, oursIn, resolutions, runProgram, writeProgram } from './project.mjs';
import { readmeOf } from './readme.mjs';
import { packAll, publish, startRegistry } from './registry.mjs';
import { run } from './run.mjs';
import { versionsOf } from './versions.mjs';

/*
 * Publishes every package to a registry of this machine, installs each method alone in empty projects, and runs the lines of its README
 * there. It prints a table, and ends with status 1 if anything fails. With `--out` it writes the table into the section "Results" of a
 * page.
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
    out: { type: 'string' },
  },
});
const listOf = text => text.split(',').filter(Boolean);
const asked = {
  methods: listOf(values.methods),
  managers: listOf(values.managers),
  nodes: listOf(values.nodes),
  bundlers: listOf(values.bundlers),
};

/** How many package managers work at a time. */
const lanes = 2;

const scratch = await mkdtemp(join(tmpdir(), 'peft-install-'));
const rows = asked.methods.map(method => ({ method }));
const started = performance.now();
let failures = 0;

const say = text => console.error(`${((performance.now() - started) / 1000).toFixed(0).padStart(5)} s  ${text}`);

/** Notes how a step of a method went. Once a step of a column has failed, it stays so. */
async function step(row, column, manager, work) {
  const what = `${row.method}, ${manager}, ${column}`;
  try {
    await work();
    row[column] ??= 'yes';
    say(`${what}: yes`);
  } catch (error) {
    failures++;
    row[column] = 'NO';
    say(`${what}: ${error.message}`);
  }
}

/** The programs of other versions of Node, by version. */
async function nodesOf(versions) {
  const entries = versions.map(async version => {
    const folder = join(scratch, `node-${version}`);
    await run(['npm', 'install', '--prefix', folder, `node@${version}`], { cwd: scratch });
    return [version, join(folder, 'node_modules', 'node', 'bin', 'node')];
  });
  return new Map(await Promise.all(entries));
}

/** What compiles the lines. TensorFlow.js takes the types of `long` for global, and pnpm hides them unless a project asks for them. */
const compilers = manager => [
  ...['typescript@5.9', '@types/node@22'],
  ...(manager === 'pnpm' ? ['@types/long@4'] : []),
];

const folderOf = (method, manager) => join(scratch, `${method}-${manager}`);

/** Installs a method with a package manager as its README says, and compiles and runs the README's lines. */
async function tryManager(row, manager, registry) {
  const { installs, lines } = await readmeOf(row.method);
  const [alone = [], ...others] = installs;
  const folder = folderOf(row.method, manager);
  await emptyProject(folder, registry);
  await step(row, manager, 'install', async () => {
    await add(folder, manager, alone);
    const ours = (await oursIn(folder)).map(name => `@peft/${name}`);
    if (ours.some(name => !alone.includes(name))) throw new Error(`There is more of ours than asked for: ${ours}.`);
    await add(folder, manager, [...others.flat(), ...compilers(manager)]);
    await writeProgram(folder, lines);
  });
  for (const resolution of resolutions) {
    await step(row, `types, ${resolution}`, manager, () => compile(folder, resolution));
  }
  await step(row, manager, 'run', () => runProgram(folder));
}

/** Runs what one manager has installed on other versions of Node, and bundles a page of it. */
async function tryTools(row, manager, nodes) {
  const folder = folderOf(row.method, manager);
  for (const [version, program] of nodes) {
    await step(row, `Node ${version}`, manager, () => runProgram(folder, program));
  }
  const tools = asked.bundlers.flatMap(name => bundlers[name].packages);
  if (tools.length === 0) return;
  const installed = add(folder, manager, [...tools, '@tensorflow/tfjs-backend-cpu@4.22.0']);
  installed.catch(() => {}); // thrown in each step
  for (const name of asked.bundlers) {
    await step(row, name, manager, async () => {
      await installed;
      await bundle(folder, row.method, name);
    });
  }
}

/** All methods, with one manager after another in each of the lanes. Caches of a manager are used by one install at a time. */
async function tryAll(registry, nodes) {
  const [first] = asked.managers;
  const waiting = [...asked.managers];
  const lane = async () => {
    for (let manager = waiting.shift(); manager !== undefined; manager = waiting.shift()) {
      for (const row of rows) {
        await tryManager(row, manager, registry);
        if (manager === first) await tryTools(row, manager, nodes);
      }
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
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

let versions = '';
try {
  const registry = await reachableRegistry();
  try {
    const packed = await packAll(await packagesToPublish(), join(scratch, 'packed'));
    for (const folder of packed.values()) await publish(folder, '0.1.0', registry);
    console.log(`Published ${packed.size} packages.`);
    const nodes = await nodesOf(asked.nodes);
    await tryAll(registry, nodes);
    const [method] = asked.methods;
    const [manager] = asked.managers;
    versions = await versionsOf({ folder: folderOf(method, manager), managers: asked.managers, nodes });
    await checkAges(join(scratch, 'ages'), packed, registry);
    console.log('A newer lora and an older neat share one core.');
  } finally {
    await registry.stop();
  }
} finally {
  await rm(scratch, { recursive: true, force: true });
}

const columns = [
  ...['method', ...asked.managers],
  ...resolutions.map(name => `types, ${name}`),
  ...asked.nodes.map(version => `Node ${version}`),
  ...asked.bundlers,
];
const table = markdownTable(
  columns,
  rows.map(row => columns.map(name => row[name])),
);
const minutes = ((performance.now() - started) / 60_000).toFixed(0);
const results = `${versions} It took ${minutes} minutes.\n\n${table}`;
console.log(results);
if (values.out) {
  const page = resolve(process.env.INIT_CWD ?? process.cwd(), values.out);
  await writeFile(page, withSection(await readFile(page, 'utf8'), 'Results', results));
}
process.exitCode = failures > 0 ? 1 : 0;
