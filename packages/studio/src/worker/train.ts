import { check, type Engine } from '@peft/core';
import { type RunInputs, type RunRecord, run } from '@peft/run';
import { openBackbone } from './backbone.ts';
import { browserStore } from './checkpoints.ts';
import { datasetsOf } from './datasets.ts';
import { openEngine, pickEngine } from './engine.ts';
import type { Trained, TrainingEvent, TrainJob } from './protocol.ts';
import { turn } from './turn.ts';

let stopping = new AbortController();

/** Stops training after the step under way, with a checkpoint. */
export const stop = (): void => stopping.abort();

/** The engine of a run: on wasm for the page's small backbones, else the faster one. */
async function engineFor(job: TrainJob, inputs: RunInputs, emit: (event: TrainingEvent) => void): Promise<Engine> {
  if (!job.backbone.file) return openEngine();
  const { engine, reason } = await pickEngine(candidate => run(job.recipe, { ...inputs, engine: candidate }));
  emit({ type: 'notice', text: reason });
  return engine;
}

/** Trains by a recipe, and tells how it goes; ends with nothing if it was stopped. */
export async function train(job: TrainJob, emit: (event: TrainingEvent) => void): Promise<Trained | undefined> {
  stopping = new AbortController();
  const { signal } = stopping;
  const { parts, train: pictures, val, test } = datasetsOf(job, job.recipe.seed ?? 42);
  emit({ type: 'parts', parts });
  const inputs = { train: pictures, test, backbone: await openBackbone(job.backbone) };
  const engine = await engineFor(job, inputs, emit);
  emit({ type: 'engine', name: engine.name });
  const store = browserStore(job.run, text => emit({ type: 'notice', text }));
  try {
    const events = run(job.recipe, {
      ...inputs,
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
    if (!record) return undefined;
    const { adapter } = store;
    check(adapter, 'state', () => 'The run ended without an adapter.');
    return { record, adapter };
  } finally {
    if (job.backbone.file) await engine.dispose();
  }
}
