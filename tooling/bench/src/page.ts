import { markdownTable } from '@peft/scripts/markdown';
import { type Measured, measuresOf } from './measures.ts';
import type { CaseResult, EntryResult } from './run-case.ts';
import type { SweepResult } from './scaling.ts';
import { median, summarize } from './statistics.ts';

const none = '-';
const ms = (value: number): string => (value < 100 ? value.toFixed(1) : value.toFixed(0));
const seconds = (value: number): string => `${value.toFixed(2)} s`;
const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(0)} MB`;

const shown = (value: number | undefined, unit: Measured['unit']): string => {
  if (value === undefined) return none;
  return unit === 's' ? seconds(value) : value.toFixed(2);
};

/** Every measure, and what it must reach. */
export function measureTable(results: readonly CaseResult[]): string {
  const rows = results.flatMap(result =>
    measuresOf(result).map(({ name, unit, median, minimum, processor }, i) => {
      const { limit = none, aim = none } = result.case.measures[i];
      return [name, shown(median, unit), shown(minimum, unit), shown(processor, unit), limit, aim];
    }),
  );
  return markdownTable(['measure', 'median', 'minimum', 'processor time', 'must reach', 'aim'], rows);
}

function entryRow({ label, startMs, first, samples, facts }: EntryResult): string[] {
  const { median: middle, min, cpu } = summarize(samples);
  const { trainable, adapterBytes, peakBytes, traceMs } = facts;
  return [
    label,
    ms(middle),
    ms(min),
    ms(cpu),
    ms(first.ms),
    traceMs === undefined ? none : ms(traceMs),
    traceMs === undefined ? none : ms(first.ms - traceMs - middle),
    seconds(median(startMs) / 1000),
    megabytes(peakBytes),
    trainable?.toLocaleString('en-US') ?? none,
    adapterBytes?.toLocaleString('en-US') ?? none,
    first.value.toPrecision(6),
  ];
}

const entryHead = [
  'contender',
  'median ms',
  'minimum ms',
  'processor ms',
  'first ms',
  'trace ms',
  'session ms',
  'start to first',
  'peak memory',
  'trained',
  'adapter bytes',
  'loss or logit',
];

const caseSection = ({ case: { title }, entries }: CaseResult): string =>
  `### ${title}\n\n${entries[0].samples.length} rounds.\n\n${markdownTable(entryHead, entries.map(entryRow))}`;

function sweepSection({ sweep, lines }: SweepResult, picture: string): string {
  const rows = sweep.points.map(({ x }, i) => [String(x), ...lines.map(({ summaries }) => ms(summaries[i].median))]);
  const table = markdownTable([sweep.what, ...lines.map(({ label }) => `${label} ms`)], rows);
  return `### By ${sweep.what}\n\n![Step time by ${sweep.what}](${picture})\n\n${table}`;
}

export interface Page {
  readonly command: string;
  readonly machine: string;
  readonly software: string;
  readonly threads: number;
  /** Average load of the minute before the run. */
  readonly load: number;
  /** Why PyTorch did not take part. */
  readonly torchMissing: string | undefined;
  readonly results: readonly CaseResult[];
  readonly scaling: readonly SweepResult[];
  /** The file of a sweep's picture. */
  picture(id: string): string;
}

const method = `Contenders are processes of their own that run at the same time and take turns, A, B, B, A, so that what disturbs the
machine disturbs all; each idles while others run. Time is taken inside the process, around one step, with the same pictures.
Processor time is that of all its threads. The first step of a compiled one includes the trace, which records it, and the
session: all else beyond the median, such as handing over the weights. Start to first is from the start of the process, a cold
one that imports all it needs, to the end of the first step. Peak memory is the largest resident set in the life of the process,
the reading of the weights included. Weights are random, and read by all from one safetensors file with timm's names, just written;
so the first loss (or logit) must be the same for all of a table, which says that they do the same work, and so must the number
of trained parameters. Adapter bytes are those of adapter_model.safetensors.

Both sides train the head and adapt whole modules, \`attn.qkv\` of every block (Lily: and \`mlp.fc1\` and \`mlp.fc2\`), since timm
fuses q, k and v. NEAT is Hugging Face peft's PEANUT with depth 0; Lily shares an A among 6 layers and has 2 experts, mixed by
batch as there. AdamW, float32, no dropout; PyTorch as installed, with its fused attention, not compiled. Ours in int8 keeps the
frozen weights of linear modules in 8 bits and multiplies integers; PyTorch in bfloat16 has the whole model in it, with autocast its
products alone; there the first loss may differ by 2 %. Plain TensorFlow.js is the same model in its own ops with its own Adam, none
of ours; stock kernels are our code without our kernels.

JPEGs are drawn by the benchmark, smooth noise with sharp edges, 170 KB each; 40 differ, and others are copies of them as files of
their own. Both sides read a picture to the same floats, timm by \`transforms_imagenet_eval\` with Pillow in one thread, ours with
as many threads as it takes by itself. An epoch in memory reads no file: all pictures have been read before.`;

/** The page of results. */
export function renderPage({ results, scaling, torchMissing, ...page }: Page): string {
  const sections = [
    '# Benchmarks',
    `\`\`\`sh no-run\n${page.command}\n\`\`\``,
    `${page.machine}. ${page.software}. ${page.threads} threads each (TensorFlow.js' own kernels: one, since it starts no threads in Node); load before the run ${page.load.toFixed(2)}.`,
    torchMissing && `PyTorch did not take part: there is no reference environment here.`,
    method,
    results.length > 0 && `## Ratios\n\nWhere a ratio has a goal, it is given.\n\n${measureTable(results)}`,
    results.length > 0 && `## Times\n\n${results.map(caseSection).join('\n\n')}`,
    scaling.length > 0 &&
      `## Scaling\n\nA LoRA step of ViT-Tiny with batch 4, rank 8 and 197 tokens, but for what grows; random weights.\n\n` +
        scaling.map(result => sweepSection(result, page.picture(result.sweep.id))).join('\n\n'),
  ];
  return `${sections.filter(Boolean).join('\n\n')}\n`;
}
