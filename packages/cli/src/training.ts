import { disposeModule } from '@peft/core';
import type { Dataset } from '@peft/data';
import {
  type RecipeOptions,
  type RunEvent,
  type RunInputs,
  type RunRecord,
  recipeOptions,
  run,
  type Watch,
} from '@peft/run';
import { folderStore, openBackboneFor, openEngine } from '@peft/run/node';
import type { Arguments } from './arguments.ts';
import type { RunData } from './data.ts';
import { openAdapter } from './model.ts';
import type { Output } from './output/output.ts';
import { showRun } from './output/run-events.ts';
import { checkPlace } from './place.ts';

export interface TrainingOptions {
  /** The folder of the adapter, its record and its checkpoints. */
  folder: string;
  signal: AbortSignal;
  /** Whether the folder may hold another run, or other files; default true. */
  replaces?: boolean;
  /** Whether to skip a run that the folder has the record of. */
  keepFinished?: boolean;
  /** What to look at between epochs. */
  watch?: Watch;
  /** Called with each event, and awaited. */
  onEvent?: (event: RunEvent) => Promise<void>;
}

/** The arguments that are fields of a recipe. */
const recipeOf = (args: Arguments): RecipeOptions =>
  Object.fromEntries(Object.entries(args).filter(([name]) => Object.hasOwn(recipeOptions, name)));

/** Opens the backbone that a run trains, and the adapter that it starts from. */
async function openStart(
  args: Arguments,
  dataset: Dataset,
  output: Output,
): Promise<Pick<RunInputs, 'backbone' | 'adapter'>> {
  if (args.initAdapter !== undefined) {
    const { frozenDtype = recipeOptions.frozenDtype.default } = args;
    return openAdapter({ ...args, frozenDtype }, args.initAdapter, output, dataset);
  }
  const classes = dataset.classes.length;
  return { backbone: await openBackboneFor(args, { dataset, classes, notice: text => output.note(text) }) };
}

async function* tapped(events: AsyncIterable<RunEvent>, onEvent?: (event: RunEvent) => Promise<void>) {
  for await (const event of events) {
    await onEvent?.(event);
    yield event;
  }
}

/** Runs one training from its arguments to its record. */
export async function runTraining(
  args: Arguments,
  data: RunData,
  { folder, signal, replaces = true, keepFinished, watch, onEvent }: TrainingOptions,
  output: Output,
): Promise<RunRecord> {
  const store = folderStore(folder);
  await store.claim(); // before anything is downloaded
  try {
    if (!replaces) await checkPlace(folder, recipeOf(args));
    const engine = await openEngine(args, text => output.note(text));
    try {
      const start = await openStart(args, data.train, output);
      const { source, frozenDtype } = start.backbone;
      const recipe = { ...recipeOf(args), backbone: args.backbone ?? source, ...(frozenDtype && { frozenDtype }) };
      const { resume } = args;
      try {
        const events = run(recipe, {
          ...data,
          ...start,
          engine,
          store,
          signal,
          resume,
          keepFinished,
          ...(watch && { watch }),
        });
        return await showRun(tapped(events, onEvent), output);
      } finally {
        disposeModule(start.backbone.model);
      }
    } finally {
      await engine.dispose();
    }
  } finally {
    await store.release();
  }
}
