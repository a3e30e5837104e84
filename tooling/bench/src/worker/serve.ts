import { writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Assignment, Facts, Reply, Request, Sample } from '../work.ts';

/** Work that is ready to run. */
export interface Opened {
  /** Runs once and gives the loss, or the first logit. */
  run(): Promise<number>;
  describe(): Promise<Facts>;
  close(): Promise<void>;
}

async function sample(run: Opened['run']): Promise<Sample> {
  const cpu = process.cpuUsage();
  const started = performance.now();
  const value = await run();
  const ms = performance.now() - started;
  const { user, system } = process.cpuUsage(cpu);
  return { ms, cpuMs: (user + system) / 1000, value };
}

/** Does what the parent asks, one thing at a time, and nothing in between. */
export async function serve(open: (assignment: Assignment) => Promise<Opened>): Promise<void> {
  let opened: Opened | undefined;
  const answer = async (request: Request): Promise<unknown> => {
    if (request.type === 'open') {
      await opened?.close();
      opened = await open(request.assignment);
      return {};
    }
    if (!opened) throw new Error(`"${request.type}" came before "open".`);
    return request.type === 'step' ? sample(opened.run) : opened.describe();
  };
  for await (const line of createInterface({ input: process.stdin })) {
    const reply: Reply = await answer(JSON.parse(line) as Request).then(
      result => ({ result }),
      error => ({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
    );
    writeSync(3, `${JSON.stringify(reply)}\n`);
  }
  await opened?.close();
  process.exit();
}
