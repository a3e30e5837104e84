import { markdownTable } from '@peft/scripts/markdown';
import { bounds } from './growth.ts';
import type { Held } from './held.ts';
import { type Soaked, warmUp } from './soak.ts';

/** Under which the section stands on the page of benchmarks. */
export const memoryTitle = 'Memory over time';

const mebibytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
const count = (value: number): string => value.toLocaleString('en-US');
const known = (value: number | undefined, show: (value: number) => string): string =>
  value === undefined ? '-' : show(value);

const head = [
  'run',
  'after',
  'tensors',
  'in tensors',
  'resident',
  'heap',
  'buffers',
  'wasm memory',
  'compiled steps',
  'files',
  'threads',
  'handles',
];

const row = (run: string, unit: string, held: Held): string[] => [
  run,
  `${count(held.after)} ${unit}`,
  count(held.tensors),
  mebibytes(held.tensorBytes),
  mebibytes(held.resident),
  mebibytes(held.heap),
  mebibytes(held.buffers),
  known(held.wasm, mebibytes),
  count(held.steps),
  known(held.files, count),
  known(held.threads, count),
  count(held.handles),
];

const what = {
  trainings: ({ engine }: Soaked['part']) => `short trainings, ${engine}`,
  steps: ({ engine }: Soaked['part']) => `one long training, ${engine}`,
};

export interface Circumstances {
  readonly command: string;
  readonly machine: string;
  readonly node: string;
  /** Average load of the minute before. */
  readonly load: number;
}

const method = `pico-vit at 16 px on the embedded digits, in one thread. Each engine does each kind in a process of its own.

- _Short trainings_ have four steps and an evaluation, with LoRA, NEAT, Lily, HEAT and Pear in turn. Every other one opens engine,
  backbone and data for itself, keeps its run in a folder, and closes all, as a sweep's worker does; the rest share inputs that stay
  open. The first look comes after ${warmUp} trainings.
- _The long training_ is LoRA in batches of 2, with ten checkpoints. The looks are between two steps.

Garbage is collected before each look. Resident memory is that of the whole process, the heap JavaScript's in the main thread; buffers
lie outside it, the memory of wasm among them. Compiled steps are those not disposed of; with ONNX Runtime each has a session. The
processes have \`MALLOC_ARENA_MAX=1\`, as workers of sweeps do: otherwise glibc keeps freed memory apart for each thread, and the
resident memory of a process that opens engines again and again creeps up, with all else as in the table.

The command fails if tensors, compiled steps, files, threads, handles or the memory of wasm grow at all, or if from the middle to the
end resident memory grows by more than ${mebibytes(bounds.resident)}, the heap by more than ${mebibytes(bounds.heap)}, or buffers by more than ${mebibytes(bounds.buffers)}.`;

/** What stands under {@link memoryTitle}. */
export function memorySection(soaked: readonly Soaked[], { command, machine, node, load }: Circumstances): string {
  const rows = soaked.flatMap(({ part, course }) => course.map(held => row(what[part.kind](part), part.kind, held)));
  const times = soaked.map(({ part, seconds }) => `${what[part.kind](part)} ${seconds.toFixed(0)} s`).join(', ');
  return [
    `\`\`\`sh no-run\n${command}\n\`\`\``,
    `${machine}. Node ${node}; load before the run ${load.toFixed(2)}. It took: ${times}.`,
    method,
    markdownTable(head, rows),
  ].join('\n\n');
}
