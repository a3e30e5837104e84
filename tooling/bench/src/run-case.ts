import { check } from '@peft/core';
import type { Case, Entry } from './cases.ts';
import { Contender } from './contender.ts';
import type { ModelFiles } from './files.ts';
import { interleave } from './interleave.ts';
import { torchModel } from './model.ts';
import type { Assignment, Facts, Sample } from './work.ts';

/** In which the threads of the last contender stop spinning. */
export const pause = 200;

export interface EntryResult {
  readonly label: string;
  /** From the start of the process to the end of its first step, for each time it was started. */
  readonly startMs: readonly number[];
  /** The first step, which for a compiled one includes recording and making the session. */
  readonly first: Sample;
  readonly samples: readonly Sample[];
  readonly facts: Facts;
}

export interface CaseResult {
  readonly case: Case;
  readonly entries: readonly EntryResult[];
}

export interface RunOptions {
  readonly rounds: number;
  readonly threads: number;
  readonly files: ModelFiles;
  /** Whether contenders with PyTorch take part. */
  readonly torch: boolean;
}

async function assignmentOf({ engine, work }: Entry, { threads, files }: RunOptions): Promise<Assignment> {
  return {
    ...work,
    engine,
    threads,
    torch: torchModel(work),
    ...(work.files && { folder: await files.pictures(work.files) }),
    ...(engine === 'onnxruntime'
      ? { exported: await files.exported(work.backbone) }
      : { weights: await files.weights(work.backbone) }),
  };
}

/** A new process that has done its first step. */
async function start(assignment: Assignment): Promise<{ contender: Contender; first: Sample; startMs: number }> {
  const contender = new Contender(assignment.engine);
  try {
    await contender.open(assignment);
    const first = await contender.step();
    return { contender, first, startMs: contender.age };
  } catch (error) {
    await contender.stop();
    throw error;
  }
}

/** The relative difference allowed between first losses and logits: float32 sums in another order, and fewer bits. */
const tolerance = 1e-3;
const lowTolerance = 2e-2;

/** Throws if contenders got different results from their first step, or train different numbers of parameters. */
function checkSameWork({ title, entries }: Case, [first, ...others]: readonly EntryResult[]): void {
  for (const { label, first: sample, facts } of others) {
    const isExact = entries.find(entry => entry.label === label)?.work.precision === undefined;
    const difference = Math.abs(sample.value - first.first.value) / Math.abs(first.first.value);
    check(difference < (isExact ? tolerance : lowTolerance), 'numerics', () => {
      return `${title}: ${label} gives ${sample.value}, ${first.label} gives ${first.first.value}; they do not do the same.`;
    });
    const counts = [facts.trainable, first.facts.trainable].filter(count => count !== undefined);
    check(counts[0] === counts.at(-1), 'numerics', () => {
      return `${title}: ${label} and ${first.label} train ${counts.join(' and ')} parameters; they do not do the same.`;
    });
  }
}

/** Runs a case: the starts one by one, then all contenders side by side. */
export async function runCase(case_: Case, options: RunOptions): Promise<CaseResult> {
  const entries = case_.entries.filter(({ engine }) => options.torch || (engine !== 'torch' && engine !== 'pillow'));
  const assignments: Assignment[] = [];
  for (const entry of entries) assignments.push(await assignmentOf(entry, options));
  const once = assignments.map(assignment => async (): Promise<number> => {
    const { contender, startMs } = await start(assignment);
    await contender.stop();
    return startMs;
  });
  const earlier = await interleave(once, (case_.starts ?? 1) - 1, pause);
  const started: Awaited<ReturnType<typeof start>>[] = [];
  try {
    for (const assignment of assignments) started.push(await start(assignment));
    const rounds = case_.rounds?.(options.rounds) ?? options.rounds;
    const samples = await interleave(
      started.map(
        ({ contender }) =>
          () =>
            contender.step(),
      ),
      rounds,
      pause,
    );
    const results: EntryResult[] = [];
    for (const [i, { contender, first, startMs }] of started.entries()) {
      const facts = await contender.describe();
      results.push({ label: entries[i].label, startMs: [...earlier[i], startMs], first, samples: samples[i], facts });
    }
    checkSameWork(case_, results);
    return { case: case_, entries: results };
  } finally {
    await Promise.all(started.map(({ contender }) => contender.stop()));
  }
}
