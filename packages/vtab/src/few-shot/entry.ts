import { configure, required, value } from '@peft/core/method';
import { parseObject, type RunRecord, recordOf } from '@peft/run';

/** One few-shot run: a line of the results file. */
export interface FewShotEntry {
  /** The name of the data set. */
  readonly dataset: string;
  readonly method: string;
  /** Pictures of each class that were trained on. */
  readonly shots: number;
  readonly seed: number;
  /** All that repeats the run, and its result. */
  readonly record: RunRecord;
}

const fields = {
  dataset: required('The data set.', value.string()),
  method: required('The method.', value.string()),
  shots: required('Pictures of each class.', value.integer({ min: 1 })),
  seed: required('The seed.', value.integer({ min: 0 })),
  record: required('The record of the run.', value.object({})),
};

/** @throws PeftError `bad-file` that says what is wrong */
function parse(line: string, source: string): FewShotEntry {
  const json = parseObject(line, source);
  const { record } = configure(source, fields, json, { code: 'bad-file', ignoreUnknown: true });
  recordOf(record, `${source}: record`);
  return json as FewShotEntry;
}

/** The lines of the results file of the few-shot benchmark. */
export const fewShotEntries = {
  parse,
  isSameRun: (one: FewShotEntry, other: FewShotEntry): boolean =>
    one.dataset === other.dataset &&
    one.method === other.method &&
    one.shots === other.shots &&
    one.seed === other.seed,
};
