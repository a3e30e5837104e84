import type { KernelExports } from '../module.ts';
import type { Team } from './team.ts';

/** Multiply-adds that take a thread about as long as it takes to wake another, some 30 microseconds. */
const leastWork = 2 ** 19;

/** The cost of one element in other kernels, or of one product of 8 bits, in multiply-adds of a matrix product. */
export const cost = { dot: 0.5, move: 8, norm: 16, exp: 32 };

type Calls = (kernels: KernelExports, index: number) => void;
export type SpanCalls = (kernels: KernelExports, first: number, length: number) => void;

/** Computes `count` independent items, each worth `work` multiply-adds. */
export function shareOut(team: Team, count: number, work: number, calls: Calls): void {
  if (team.threads > 1 && count * work >= 2 * leastWork) team.run(count, calls);
  else for (let index = 0; index < count; index++) calls(team.kernels, index);
}

/**
 * The same for rows that a kernel takes many of at once, in spans of whole multiples of `step`. Each span is a part of what is
 * left, so that the last ones are short and all threads end together (guided self-scheduling, Polychronopoulos and Kuck 1987,
 * https://doi.org/10.1109/TC.1987.5009495).
 */
export function shareSpans(team: Team, count: number, work: number, calls: SpanCalls, step = 1): void {
  if (team.threads === 1 || count * work < 2 * leastWork) return void calls(team.kernels, 0, count);
  const least = Math.ceil(leastWork / work);
  const starts: number[] = [];
  for (let start = 0; start < count; ) {
    starts.push(start);
    const length = Math.max(least, (count - start) / (2 * team.threads));
    start += Math.ceil(length / step) * step;
  }
  const last = starts.length - 1;
  team.run(starts.length, (kernels, part) => {
    const start = starts[last - part]!; // parts are taken from the last one on
    calls(kernels, start, (starts[last - part + 1] ?? count) - start);
  });
}
