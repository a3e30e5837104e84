import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { type Json, type JsonObject, methodRecord } from '@peft/core';
import { readIfThere, writeAtomic } from '@peft/core/node';
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

/** A finished run as plain JSON: its recipe and its results. */
export interface RunRecord {
  format: 1;
  recipe: JsonObject;
  /** `datasetHash` of the test data. Records of before it was kept lack it. */
  evaluatedOn?: string;
  /** What differs from the run whose checkpoint this one was forced to go on from. */
  resumedDespite?: readonly string[];
  result: RunResult;
}

const nameOf = (folder: string): string => join(folder, 'run.json');

const plain = (value: object): JsonObject => JSON.parse(JSON.stringify(value)) as JsonObject;

/** SHA-256 of the values of the active adapters. */
async function adapterHash({ active }: OpenedModel['model']): Promise<string> {
  const hash = createHash('sha256');
  for (const adapter of active)
    for (const [path, parameter] of adapter.parameters())
      hash.update(`${adapter.name}/${path}\n`).update(await parameter.get());
  return hash.digest('hex');
}

interface RunStart {
  opened: OpenedModel;
  train: Dataset;
  /** Whether the run starts from a saved adapter. */
  isContinued: boolean;
}

/**
 * Everything that determines the numbers of a run. It holds pictures and weights by their hashes: a folder may move, but not
 * change.
 */
export async function identityOf(recipe: Recipe, { opened, train, isContinued }: RunStart): Promise<JsonObject> {
  const { model, backbone, preprocessing, labels } = opened;
  return plain({
    backbone: backbone.name,
    weights: (await backbone.weightsHash()) ?? null,
    labels: (labels ?? null) as Json,
    data: await datasetHash(train),
    preprocessing,
    methods: [...model.adapters.values()].map(({ method }) => methodRecord(method)) as unknown as Json,
    ...(isContinued && { initAdapter: await adapterHash(model) }),
    ...recipe,
  });
}

export const writeRecord = (folder: string, record: RunRecord): Promise<void> =>
  writeAtomic(nameOf(folder), `${JSON.stringify(record)}\n`);

/** The record of a run that ended in a folder, or nothing where none did. */
export async function readRecord(folder: string): Promise<RunRecord | undefined> {
  const bytes = await readIfThere(nameOf(folder));
  if (!bytes) return undefined;
  try {
    const record = JSON.parse(new TextDecoder().decode(bytes)) as RunRecord;
    return record.format === 1 ? record : undefined;
  } catch {
    return undefined;
  }
}
