import { configure, required, value } from '@peft/core/method';
import { parseObject, type RunRecord, recordOf } from '@peft/run';
import { type Protocol, protocolNames } from './protocol.ts';

/** Accuracy on the test set after an epoch. */
export interface Evaluation {
  /** Counted from 1. */
  readonly epoch: number;
  /** The share of pictures that were recognized, in [0, 1]. */
  readonly accuracy: number;
}

/** One run on one task: a line of the results file. */
export interface VtabEntry {
  readonly task: string;
  readonly method: string;
  readonly seed: number;
  readonly protocol: Protocol;
  /** The looks at the test set during training. */
  readonly evaluations: readonly Evaluation[];
  /** All that repeats the run, and its result: the accuracy after the last step among others. */
  readonly record: RunRecord;
}

const fields = {
  task: required('The task.', value.string()),
  method: required('The method.', value.string()),
  seed: required('The seed.', value.integer({ min: 0 })),
  protocol: required('The protocol.', value.choice(protocolNames)),
  evaluations: required(
    'The looks at the test set.',
    value.list(value.object({ epoch: value.integer({ min: 1 }), accuracy: value.number({ min: 0, max: 1 }) })),
  ),
  record: required('The record of the run.', value.object({})),
};

/**
 * Reads a line of a results file.
 *
 * @param source the file and the line, for errors
 * @throws PeftError `bad-file` that says what is wrong
 */
function parse(line: string, source: string): VtabEntry {
  const json = parseObject(line, source);
  const { record } = configure(source, fields, json, { code: 'bad-file', ignoreUnknown: true });
  recordOf(record, `${source}: record`);
  return json as VtabEntry;
}

/** The lines of the results file of VTAB-1K. */
export const vtabEntries = {
  parse,
  isSameRun: (one: VtabEntry, other: VtabEntry): boolean =>
    one.task === other.task &&
    one.method === other.method &&
    one.seed === other.seed &&
    one.protocol === other.protocol,
};

/** The best accuracy that a run showed on the test set at any look, as most papers report; the last one included. */
export const bestOf = ({ evaluations, record }: VtabEntry): number =>
  Math.max(record.result.metrics.accuracy, ...evaluations.map(({ accuracy }) => accuracy));

/** The accuracy after the last step. */
export const lastOf = ({ record }: VtabEntry): number => record.result.metrics.accuracy;
