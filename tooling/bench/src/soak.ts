// The soak: many trainings in one process, and one long one; whether memory grows. Ends with status 1 if it does.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { writeAtomic } from '@peft/core/node';
import { withSection } from '@peft/scripts/markdown';
import { load, machine } from './machine.ts';
import { readSoakArguments } from './soak/arguments.ts';
import { growth } from './soak/growth.ts';
import { memorySection, memoryTitle } from './soak/page.ts';
import type { Course, Part, Soaked } from './soak/soak.ts';

/** Soaks in a process of its own: what another part left would count. */
async function soakApart(part: Part): Promise<Soaked> {
  const started = performance.now();
  const child = fork(new URL('worker/soaking.js', import.meta.url), [], {
    execArgv: ['--expose-gc'],
    env: { ...process.env, MALLOC_ARENA_MAX: '1' }, // glibc keeps what is freed in an arena of each thread
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  child.send(part);
  const ended = once(child, 'exit');
  const course = await Promise.race([
    once(child, 'message').then(([course]) => course as Course),
    ended.then(([code]) => Promise.reject(new Error(`${part.kind} on ${part.engine} ended with ${code}.`))),
  ]);
  await ended;
  return { part, course, seconds: (performance.now() - started) / 1000 };
}

const { parts, out, given } = readSoakArguments(process.argv.slice(2), process.env.INIT_CWD ?? process.cwd());
const loadBefore = load();
const soaked: Soaked[] = [];
for (const part of parts) {
  const result = await soakApart(part);
  soaked.push(result);
  const grown = growth(result.course);
  console.error(
    `${part.count} ${part.kind} on ${part.engine}: ${result.seconds.toFixed(0)} s; ${grown.join('; ') || 'nothing grew'}.`,
  );
  if (grown.length > 0) process.exitCode = 1;
}
const command = `pnpm --filter @peft/bench soak ${given}`.trim();
const section = memorySection(soaked, { command, machine: machine(), node: process.versions.node, load: loadBefore });
console.log(section);
if (out) await writeAtomic(out, withSection(await readFile(out, 'utf8'), memoryTitle, section));
