import { type ErrorCode, PeftError } from '@peft/core';
import { configure, option, required, value } from '@peft/core/method';
import { parseObject, type RunRecord, recordOf } from '@peft/run';
import type { Metrics } from '@peft/train';
import type { Settings } from './dimensions.ts';

/** Why a run has no result. */
export interface Failure {
  readonly message: string;
  readonly code?: ErrorCode;
  /** Whether the same run would fail again. */
  readonly final: boolean;
}

/** What a run came to: a line of `results.jsonl`. */
export interface SweepEntry {
  /** The hash of the recipe; of a run that paused at a rung, with the rung's number. */
  readonly id: string;
  readonly trial: number;
  readonly seed: number;
  /** The rung, counted from 0, where there are several. */
  readonly rung?: number;
  readonly settings: Settings;
  /** What a run that paused at a rung showed. */
  readonly paused?: { readonly step: number; readonly metrics: Metrics };
  /** The record of a run that came to its end. */
  readonly record?: RunRecord;
  readonly failure?: Failure;
}

const fields = {
  id: required('The id.', value.string()),
  trial: required('The trial.', value.integer({ min: 0 })),
  seed: required('The seed.', value.integer({ min: 0 })),
  rung: option('The rung.', value.integer({ min: 0 })),
  settings: required('What varies.', value.table(value.json())),
  paused: option(
    'What it showed at a rung.',
    value.object({ step: value.integer({ min: 1 }), metrics: value.object({}) }),
  ),
  record: option('The record.', value.object({})),
  failure: option('Why it failed.', value.object({ message: value.string(), final: value.boolean() })),
};

/** What a run was measured on; undefined if it failed. */
export const metricsOf = ({ record, paused }: Pick<SweepEntry, 'record' | 'paused'>): Metrics | undefined =>
  record?.result.metrics ?? paused?.metrics;

/**
 * Reads a line of a results file.
 *
 * @param source the file and the line, for errors
 * @throws PeftError `bad-file` that says what is wrong
 */
export function parseEntry(line: string, source: string): SweepEntry {
  const json = parseObject(line, source);
  const found = configure(source, fields, json, { code: 'bad-file', ignoreUnknown: true });
  const { record, paused, failure } = found;
  const outcomes = [record, paused, failure].filter(outcome => outcome !== undefined);
  if (outcomes.length !== 1)
    throw new PeftError(
      'bad-file',
      `${source} has ${outcomes.length} of record, paused and failure; it must have one.`,
    );
  if (record) recordOf(record, `${source}: record`);
  return json as SweepEntry;
}

/** Results by the ids of their runs. */
export type Entries = ReadonlyMap<string, SweepEntry>;

/** The runs that failed. */
export const failuresOf = (entries: Entries): SweepEntry[] => [...entries.values()].filter(({ failure }) => failure);
