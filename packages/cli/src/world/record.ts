import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Json, type JsonObject, methodRecord, PeftError } from '@peft/core';
import { writeAtomic } from '@peft/core/node';
import { type Dataset, datasetHash } from '@peft/data';
import type { Metrics } from '@peft/train';
import type { Insight } from '../output/insight.ts';
import type { Recipe } from '../presets.ts';
import type { Curves } from './fit.ts';
import type { OpenedModel } from './model.ts';

/** What came of a training run. */
export interface RunResult extends Curves {
  method: string;
  engine: string;
  trainable: number;
  total: number;
  metrics: Metrics;
  seconds: number;
  /** What the method did inside. */
  insights: Insight[];
  /** Where the adapter was written, and its size. */
  adapter: string;
  bytes: number;
}

/** A finished run as plain JSON: all that repeats it, and what came of it. */
export interface RunRecord {
  format: 1;
  recipe: JsonObject;
  /** What differs from the run whose checkpoint this one was forced to go on from. */
  resumedDespite?: readonly string[];
  result: RunResult;
}

const nameOf = (folder: string): string => join(folder, 'run.json');

const plain = (value: object): JsonObject => JSON.parse(JSON.stringify(value)) as JsonObject;

/**
 * Everything that the numbers of a run follow from. Pictures and weights stand by their hashes, so that a folder may move, but
 * not change.
 */
export async function identityOf(recipe: Recipe, opened: OpenedModel, train: Dataset): Promise<JsonObject> {
  const { model, backbone, preprocessing, labels } = opened;
  return plain({
    backbone: backbone.name,
    weights: (await backbone.weightsHash()) ?? null,
    labels: (labels ?? null) as Json,
    data: await datasetHash(train),
    preprocessing,
    methods: [...model.adapters.values()].map(({ method }) => methodRecord(method)) as unknown as Json,
    ...recipe,
  });
}

export const writeRecord = (folder: string, record: RunRecord): Promise<void> =>
  writeAtomic(nameOf(folder), `${JSON.stringify(record)}\n`);

/** The record of a run that ended in a folder, or nothing where none did. */
export async function readRecord(folder: string): Promise<RunRecord | undefined> {
  let text: string;
  try {
    text = await readFile(nameOf(folder), 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new PeftError('bad-file', `Cannot read ${nameOf(folder)}: ${(cause as Error).message}`, { cause });
  }
  try {
    const record = JSON.parse(text) as RunRecord;
    return record.format === 1 ? record : undefined;
  } catch {
    return undefined;
  }
}
