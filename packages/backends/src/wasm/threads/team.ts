import { PeftError } from '@peft/core';
import type { KernelExports } from '../module.ts';
import { startHelper } from './helper-thread.ts';
import { finish, giveOut, type Kernel, makeWork, mostParts, partNumbers, takeParts } from './work.mjs';

/** Threads that compute together. */
export interface Team {
  readonly threads: number;
  /** Those of this thread. */
  readonly kernels: KernelExports;
  /** Computes independent parts; the calls of one part run in order. */
  run(parts: number, calls: (kernels: KernelExports, part: number) => void): void;
  end(): void;
}

/** This thread alone. */
export const alone = (kernels: KernelExports): Team => ({
  threads: 1,
  kernels,
  run(parts, calls) {
    for (let part = 0; part < parts; part++) calls(kernels, part);
  },
  end() {},
});

/**
 * This thread and a helper for each of `scratches`, where that one packs its panels. Calls are written down here and made by
 * whichever thread is free, this one among them.
 */
export async function startTeam(
  module: WebAssembly.Module,
  memory: WebAssembly.Memory,
  kernels: KernelExports,
  scratches: number[],
): Promise<Team> {
  const work = makeWork();
  const started = await Promise.allSettled(scratches.map(scratch => startHelper({ module, memory, scratch, work })));
  const helpers = started.flatMap(result => (result.status === 'fulfilled' ? [result.value] : []));
  const end = () => {
    for (const endHelper of helpers.splice(0)) endHelper();
  };
  const failure = started.find(result => result.status === 'rejected');
  if (failure) {
    end();
    throw failure.reason;
  }

  const functions = Object.values(kernels) as Kernel[];
  let written = 0;
  const writers = Object.entries(kernels).map(([name, kernel], index) => {
    const write = (...given: (number | boolean)[]): void => {
      work.calls[written++] = index;
      for (let i = 0; i < kernel.length; i++) work.calls[written++] = Number(given[i]);
    };
    return [name, write];
  });
  const writer: KernelExports = Object.fromEntries(writers);

  const compute = (parts: number): void => {
    giveOut(work, parts);
    takeParts(work, functions);
    if (!finish(work, parts))
      throw new PeftError(
        'state',
        'A wasm kernel failed in one of its threads: it accessed an address outside its memory.',
      );
  };

  return {
    threads: scratches.length + 1,
    kernels,
    run(parts, calls) {
      written = 0;
      let waiting = 0;
      for (let part = 0; part < parts; part++) {
        calls(writer, part);
        work.ends[waiting++] = written;
        const full = waiting === mostParts || written + partNumbers > work.calls.length;
        if (!full && part < parts - 1) continue;
        compute(waiting);
        written = 0;
        waiting = 0;
      }
    },
    end,
  };
}
