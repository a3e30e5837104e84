import { check } from '@peft/core';
import { configure, required, value } from '@peft/core/method';
import { parseObject, parseResult } from '@peft/run';
import type { ComparedMethod } from '../compared-method.ts';

/** What a report of `compare` shows. Its page embeds this, so that later versions can read it without drawing anything. */
export interface Report {
  title: string;
  classes: readonly string[];
  methods: readonly ComparedMethod[];
}

const dataId = 'peft-report';

/** The data of the report, which its page embeds. */
export const embedData = (report: Report): string => {
  const json = JSON.stringify({ format: 1, ...report }).replaceAll('<', '\\u003c');
  return `<script type="application/json" id="${dataId}">${json}</script>`;
};

const fields = {
  title: required('What was compared.', value.string()),
  classes: required('The names of the classes.', value.list(value.string())),
  methods: required('The methods, with their runs.', value.list(value.object({}))),
};

const methodFields = {
  method: required('Its name.', value.string()),
  runs: required('Its runs, one a seed.', value.list(value.object({}))),
  meanAccuracy: required('Over the seeds.', value.number()),
  deviation: required('Over the seeds.', value.number()),
};

const fromFile = { code: 'bad-file', ignoreUnknown: true } as const;

/**
 * The data of a report that `renderReport` wrote.
 *
 * @throws PeftError `bad-file` for anything else, or a format that this version does not read
 */
export function parseReport(html: string, source: string): Report {
  const [, text] = html.match(new RegExp(`<script type="application/json" id="${dataId}">(.*?)</script>`, 's')) ?? [];
  check(text !== undefined, 'bad-file', () => `${source} is not a report of peft compare: it has no data.`);
  const json = parseObject(text, `${source}: its data`);
  const { format } = json as { format?: unknown };
  check(format === 1, 'bad-file', () => `${source} has format ${String(format)}; this version reads 1.`);
  for (const [i, method] of configure(source, fields, json, fromFile).methods.entries()) {
    const { runs } = configure(`${source}: methods[${i}]`, methodFields, method, fromFile);
    check(runs.length > 0, 'bad-file', () => `${source}: methods[${i}] has no run.`);
    for (const [j, run] of runs.entries()) parseResult(run, `${source}: methods[${i}].runs[${j}]`);
  }
  return json as Report;
}
