import { check, type Engine } from '@peft/core';
import { type RunInputs, type RunRecord, run, runOnEngines } from '@peft/run';
import { openBackbone } from './backbone.ts';
import { browserStore } from './checkpoints.ts';
import { datasetsOf } from './datasets.ts';
import { openWasm, openWebGpu, pickEngine } from './engine.ts';
import type { Trained, TrainingEvent, TrainJob } from './protocol.ts';
import { turn } from './turn.ts';

type Emit = (event: TrainingEvent) => void;

/** Steps of which some are timed. */
const trialSteps = 4;

let stopping = new AbortController();

/** Stops training after the step under way, with a checkpoint. */
export const stop = (): void => stopping.abort();

/**
 * Opens the engines of a run, each when the one before it was lost: the one that the user names; else wasm for the page's small
 * backbones, and for others the faster of wasm and WebGPU. The last is wasm.
 */
function enginesFor(job: TrainJob, inputs: RunInputs, emit: Emit): (() => Promise<Engine>)[] {
  const told = (engine: Engine, reason: string): Engine => {
    emit({ type: 'engine', name: engine.name, reason });
    return engine;
  };
  const onWasm = (reason: string) => async () => told(await openWasm(), reason);
  const onWebGpu = async (): Promise<Engine> => told(await openWebGpu(), 'You chose it.');
  const onFaster = async (): Promise<Engine> => {
    const recipe = { ...job.recipe, steps: trialSteps, keepBest: false }; // which a run of fewer has not
    const { engine, reason } = await pickEngine(candidate => run(recipe, { ...inputs, engine: candidate }));
    return told(engine, reason);
  };
  const instead = onWasm('WebGPU is not here, or was lost; the notes of this run say why.');
  if (job.engine === 'wasm') return [onWasm('You chose it.')];
  if (job.engine === 'webgpu') return [onWebGpu, onWebGpu, instead];
  return job.backbone.file ? [onFaster, onFaster, instead] : [onWasm('On a model as small as this, it is the faster.')];
}

/** Trains by a recipe, and tells how it goes; ends with nothing if it was stopped. */
export async function train(job: TrainJob, emit: Emit): Promise<Trained | undefined> {
  stopping = new AbortController();
  const { signal } = stopping;
  const { parts, train: pictures, val, test } = datasetsOf(job, job.recipe.seed ?? 42);
  emit({ type: 'parts', parts });
  const inputs = { train: pictures, test, backbone: await openBackbone(job.backbone) };
  const store = browserStore(job.run, text => emit({ type: 'notice', text }));
  const recipe = val.size > 0 ? job.recipe : { ...job.recipe, keepBest: false };
  const events = runOnEngines(recipe, {
    ...inputs,
    engines: enginesFor(job, inputs, emit),
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
}
