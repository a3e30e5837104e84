import { readFile } from 'node:fs/promises';
import { arch, type } from 'node:os';
import { join } from 'node:path';
import { bundlers } from './bundle.mjs';
import { managerVersion } from './project.mjs';
import { run } from './run.mjs';

/** A package's version in a project; nothing if it is not there. */
const installed = (folder, name) =>
  readFile(join(folder, 'node_modules', name, 'package.json'), 'utf8').then(
    text => [`${name} ${JSON.parse(text).version}`],
    () => [],
  );

/**
 * What took part in a run of the matrix, as a sentence.
 *
 * @param {{ folder: string, managers: string[], nodes: Map<string, string> }} of a project with everything, the managers, and the
 *   programs of other versions of Node
 */
export async function versionsOf({ folder, managers, nodes }) {
  const others = [...nodes.values()].map(
    async node => `Node ${(await run([node, '--version'], { cwd: folder })).trim()}`,
  );
  const ofManagers = managers.map(async name => `${name} ${await managerVersion(folder, name)}`);
  const packages = ['typescript', ...Object.keys(bundlers)].map(name => installed(folder, name));
  const all = await Promise.all([...ofManagers, ...others, ...packages]);
  const date = new Date().toISOString().slice(0, 10);
  return `${date}, ${type()} ${arch()}, started by Node ${process.version}: ${all.flat().join(', ')}.`;
}
