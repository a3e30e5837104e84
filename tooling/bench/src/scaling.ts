import { defaultWork } from './cases.ts';
import { Contender } from './contender.ts';
import { interleave } from './interleave.ts';
import { torchModel } from './model.ts';
import { pause, type RunOptions } from './run-case.ts';
import { type Summary, summarize } from './statistics.ts';
import type { Engine, Work } from './work.ts';

/** One thing that grows while all else stays. */
export interface Sweep {
  readonly id: string;
  /** The name of the quantity that grows. */
  readonly what: string;
  readonly points: readonly { readonly x: number; readonly change: Partial<Work> }[];
}

const patches = (side: number): number => (side / 16) ** 2;

/** Scaling of a LoRA step of ViT-Tiny. */
export const sweeps: readonly Sweep[] = [
  { id: 'batch', what: 'pictures in the batch', points: [1, 2, 4, 8, 16].map(x => ({ x, change: { batch: x } })) },
  { id: 'depth', what: 'blocks', points: [3, 6, 12, 24].map(x => ({ x, change: { depth: x } })) },
  {
    id: 'tokens',
    what: 'tokens',
    points: [64, 128, 224, 320].map(side => ({ x: patches(side) + 1, change: { imageSize: side } })),
  },
  { id: 'rank', what: 'rank', points: [1, 8, 16, 32, 64].map(x => ({ x, change: { rank: x } })) },
];

export interface SweepResult {
  readonly sweep: Sweep;
  /** By label, a summary for each point. */
  readonly lines: readonly { readonly label: string; readonly summaries: readonly Summary[] }[];
}

/** All sweeps, in one long-lived process for each contender. */
export async function runScaling(
  { rounds, threads, torch }: Pick<RunOptions, 'rounds' | 'threads' | 'torch'>,
  note: (text: string) => void,
): Promise<SweepResult[]> {
  const contenders: { label: string; engine: Engine; process: Contender }[] = [];
  try {
    contenders.push({ label: 'ours', engine: 'onnx', process: new Contender('onnx') });
    if (torch) contenders.push({ label: 'PyTorch', engine: 'torch', process: new Contender('torch') });
    const results: SweepResult[] = [];
    for (const sweep of sweeps) {
      note(`scaling with ${sweep.what}`);
      const lines = contenders.map(({ label }) => ({ label, summaries: [] as Summary[] }));
      for (const { change } of sweep.points) {
        const work: Work = { ...defaultWork, batch: 4, ...change };
        for (const { engine, process } of contenders) {
          await process.open({ ...work, engine, threads, torch: torchModel(work) });
          await process.step();
        }
        const samples = await interleave(
          contenders.map(
            ({ process }) =>
              () =>
                process.step(),
          ),
          rounds,
          pause,
        );
        for (const [i, { summaries }] of lines.entries()) summaries.push(summarize(samples[i]));
      }
      results.push({ sweep, lines });
    }
    return results;
  } finally {
    await Promise.all(contenders.map(({ process }) => process.stop()));
  }
}
