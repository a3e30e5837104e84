import type { Held } from './held.ts';
import type { Course } from './soak.ts';

const mebibyte = 2 ** 20;

/** What must never grow, and what may not grow from the middle on. */
const counts = ['tensors', 'tensorBytes', 'steps', 'files', 'threads', 'handles', 'wasm'] as const;

/** How much each may grow from the middle to the end, in bytes: allocators round, and JavaScript compiles what it runs often. */
export const bounds = { resident: 16 * mebibyte, heap: 2 * mebibyte, buffers: mebibyte } as const;

/** What grew, in words; nothing if nothing leaks. */
export function growth([start, middle, end]: Course): string[] {
  const grown = (name: keyof Held, from: Held, to: Held, allowed: number): string[] => {
    const [before, after] = [from[name] ?? 0, to[name] ?? 0];
    return after - before > allowed
      ? [`${name} grew from ${before} to ${after} between ${from.after} and ${to.after}`]
      : [];
  };
  return [
    ...counts.flatMap(name => [...grown(name, start, middle, 0), ...grown(name, middle, end, 0)]),
    ...Object.entries(bounds).flatMap(([name, allowed]) => grown(name as keyof typeof bounds, middle, end, allowed)),
  ];
}
