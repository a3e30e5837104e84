import type { Measure } from './cases.ts';
import type { CaseResult, EntryResult } from './run-case.ts';
import { median, summarize } from './statistics.ts';

/** A measure in numbers: a ratio, or seconds for one of the start. What a contender that took no part would give is missing. */
export interface Measured {
  readonly name: string;
  readonly unit: 'ratio' | 's';
  readonly median?: number;
  readonly minimum?: number;
  readonly processor?: number;
}

/** By median, by minimum and by processor time; those that make no sense for the measure are left out. */
function numbers(
  of: Measure['of'],
  over: EntryResult,
  under: EntryResult | undefined,
): Omit<Measured, 'name' | 'unit'> {
  if (of === 'start') return { median: median(over.startMs) / 1000, minimum: Math.min(...over.startMs) / 1000 };
  if (of === 'ready') return { median: (median(over.startMs) - summarize(over.samples).median) / 1000 };
  if (!under) return {};
  if (of === 'memory') return { median: over.facts.peakBytes / under.facts.peakBytes };
  const [a, b] = [summarize(over.samples), summarize(under.samples)];
  if (of === 'processor') return { median: a.cpu / b.cpu, processor: a.cpu / b.cpu };
  return { median: a.median / b.median, minimum: a.min / b.min, processor: a.cpu / b.cpu };
}

/** The fastest of the entries with these labels. */
function fastest(entries: readonly EntryResult[], labels: readonly string[]): EntryResult | undefined {
  const time = ({ samples }: EntryResult): number => summarize(samples).median;
  const [first] = entries.filter(({ label }) => labels.includes(label)).sort((a, b) => time(a) - time(b));
  return first;
}

/** The measures of a case, in its order. */
export const measuresOf = ({ case: { measures }, entries }: CaseResult): Measured[] =>
  measures.map(({ name, of, over, under }) => {
    const found = entries.find(entry => entry.label === over);
    const unit = of === 'start' || of === 'ready' ? 's' : 'ratio';
    return { name, unit, ...(found && numbers(of, found, fastest(entries, [under].flat()))) };
  });
