import { arch, availableParallelism, cpus, loadavg, totalmem, type } from 'node:os';
import type { CaseResult } from './run-case.ts';

/** The machine, without its name. */
export function machine(): string {
  const gigabytes = (totalmem() / 2 ** 30).toFixed(0);
  const [{ model }] = cpus();
  return `${model}, ${availableParallelism()} processors, ${gigabytes} GiB, ${type()} ${arch()}`;
}

/** The load of the last minute, which tells whether the machine was quiet. */
export const load = (): number => loadavg()[0];

/** Everything that ran, by version. */
export function software(results: readonly CaseResult[]): string {
  const versions = results.flatMap(({ entries }) => entries.flatMap(({ facts }) => Object.entries(facts.versions)));
  const all = new Map([['Node', process.versions.node], ...versions]);
  return [...all].map(([name, version]) => `${name} ${version}`).join(', ');
}
