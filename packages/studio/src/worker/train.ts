import { check } from '@peft/core';
import { type RunRecord, run } from '@peft/run';
import { openBackbone } from './backbone.ts';
import { browserStore } from './checkpoints.ts';
import { datasetsOf } from './datasets.ts';
import { openEngine } from './engine.ts';
import type { Trained, TrainingEvent, TrainJob } from './protocol.ts';
import { turn } from './turn.ts';

let stopping = new AbortController();

/** Stops training after the step under way, with a checkpoint. */
export const stop = (): void => stopping.abort();

/** Trains by a recipe, and tells how it goes; ends with nothing if it was stopped. */
export async function train(job: TrainJob, emit: (event: TrainingEvent) => void): Promise<Trained | undefined> {
  stopping = new AbortController();
  const { signal } = stopping;
  const { parts, train: pictures, val, test } = datasetsOf(job, job.recipe.seed ?? 42);
  emit({ type: 'parts', parts });
  const engine = await openEngine();
  emit({ type: 'engine', name: engine.name });
  const backbone = await openBackbone(job.backbone);
  const store = browserStore(job.run, text => emit({ type: 'notice', text }));
  const events = run(job.recipe, {
    train: pictures,
    test,
    backbone,
    engine,
    store,
    signal,
    resume: job.from === 'start' ? false : job.from === 'finish' ? 'force' : true,
    watch: { ...(val.size > 0 && { validation: val }), insights: true },
  });
  let record: RunRecord | undefined;
  for await (const event of events) {
    emit(event);
    if (event.type === 'done') record = event.record;
    await turn(); // lets a message in, such as one to stop
  }
  const { adapter } = store;
  if (!record) return undefined;
  check(adapter, 'state', () => 'The run ended without an adapter.');
  return { record, adapter };
}
