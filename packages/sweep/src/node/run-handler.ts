import { join } from 'node:path';
import { type JsonObject, PeftError } from '@peft/core';
import { type Recipe, type RunEvent, run } from '@peft/run';
import { type EngineOptions, folderStore, type OpenedInputs, openInputs } from '@peft/run/node';
import { plain } from '@peft/train';
import { Finder, lacking, type Places } from './find-inputs.ts';
import { type Handler, PutBack, type WorkContext } from './queue.ts';
import { type Needs, parseJob, type RunJob } from './run-job.ts';

export interface RunHandlerOptions extends Pick<EngineOptions, 'engine' | 'provider' | 'threads'> {
  /** The folder of checkpoints, adapters and records: each run has a folder there, called by its id. */
  readonly folder: string;
  /** Where to look for data and weights that are not where the recipe says. */
  readonly places?: Partial<Places>;
}

/** How long a run waits, in ms, if another process still has its folder. */
const busyDelay = 1000;

/** The least time between two words of progress, in ms. */
const quiet = 500;

/** Tells the scheduler of steps, now and then. */
function progressOf({ progress }: WorkContext): (event: RunEvent) => void {
  let last = Number.NEGATIVE_INFINITY;
  return event => {
    if (event.type !== 'step' || performance.now() - last < quiet) return;
    last = performance.now();
    const { step, totalSteps, loss } = event;
    progress({ step, totalSteps, loss });
  };
}

/** Opens what a run needs, and checks that it is what the scheduler has. */
async function openFor(
  recipe: Recipe,
  needs: Needs,
  finder: Finder,
  options: RunHandlerOptions,
): Promise<OpenedInputs> {
  const { engine, provider, threads } = options;
  let inputs: OpenedInputs;
  try {
    inputs = await openInputs(await finder.locate(recipe, needs), { engine, provider, threads });
  } catch (error) {
    if (error instanceof PeftError && error.code === 'missing') throw lacking([error.message]);
    throw error;
  }
  const hash = (await inputs.backbone.weightsHash()) ?? null;
  if (hash === needs.weights) return inputs;
  await inputs.close();
  throw lacking([`the weights of ${recipe.backbone} (SHA-256 ${needs.weights}; those here are ${hash})`]);
}

/** Runs a job in its folder, which is locked. */
async function runIn(
  store: ReturnType<typeof folderStore>,
  { recipe, until, needs }: RunJob,
  finder: Finder,
  context: WorkContext,
  options: RunHandlerOptions,
): Promise<JsonObject> {
  const inputs = await openFor(recipe, needs, finder, options);
  const tell = progressOf(context);
  try {
    const keeping = { resume: true, keepFinished: until === undefined };
    for await (const event of run(recipe, { ...inputs, store, until, signal: context.signal, ...keeping })) {
      tell(event);
      if (event.type === 'done') return plain({ record: event.record });
      if (event.type === 'paused') return plain({ paused: { step: event.step, metrics: event.metrics } });
    }
  } finally {
    await inputs.close();
  }
  throw new PutBack('', 0); // it was interrupted
}

/**
 * What a worker of sweeps does: runs recipes, each in a folder of its own, so that a run that was killed goes on from its checkpoint
 * and one that is there is not repeated. A run that lacks data or weights goes back for another worker.
 */
export function runHandler(options: RunHandlerOptions): Handler {
  const { folder, places } = options;
  const finder = new Finder({ data: places?.data ?? [], weights: places?.weights ?? [] });
  return async (job, context) => {
    const runJob = parseJob(job);
    const store = folderStore(join(folder, runJob.run));
    try {
      await store.claim();
    } catch (error) {
      if (error instanceof PeftError && error.code === 'state') throw new PutBack(error.message, busyDelay);
      throw error;
    }
    try {
      return await runIn(store, runJob, finder, context, options);
    } finally {
      await store.release();
    }
  };
}
