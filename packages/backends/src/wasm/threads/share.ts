import type { KernelExports } from '../module.ts';
import type { Team } from './team.ts';

/** Multiply-adds that take a thread about as long as it takes to wake another, some 30 microseconds. */
const leastWork = 2 ** 19;

/** What one element costs other kernels, in multiply-adds of a matrix product. */
export const cost = { move: 8, norm: 16, exp: 32 };

/** Spans for each thread, so that one that is held up has little left to do. */
const spansPerThread = 4;

type Calls = (kernels: KernelExports, index: number) => void;
export type SpanCalls = (kernels: KernelExports, first: number, length: number) => void;

/** Computes `count` things that do not depend on each other, each worth `work` multiply-adds. */
export function shareOut(team: Team, count: number, work: number, calls: Calls): void {
  if (team.threads > 1 && count * work >= 2 * leastWork) team.run(count, calls);
  else for (let index = 0; index < count; index++) calls(team.kernels, index);
}

/** The same for rows that a kernel takes many of at once: in spans of whole multiples of `step`. */
export function shareSpans(team: Team, count: number, work: number, calls: SpanCalls, step = 1): void {
  const most = team.threads === 1 ? 1 : team.threads * spansPerThread;
  const spans = Math.min(most, Math.floor((count * work) / leastWork));
  const length = Math.ceil(count / spans / step) * step;
  if (spans < 2) calls(team.kernels, 0, count);
  else
    team.run(Math.ceil(count / length), (kernels, part) => {
      const first = part * length;
      calls(kernels, first, Math.min(length, count - first));
    });
}
