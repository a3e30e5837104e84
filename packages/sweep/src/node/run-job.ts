import { check, PeftError } from '@peft/core';
import { configure, option, required, value } from '@peft/core/method';
import { type Recipe, type RecipeOptions, resolveRecipe } from '@peft/run';
import { plain } from '@peft/train';
import { runId } from '../canonical.ts';
import type { PlannedRun } from '../plan.ts';
import type { Job } from './queue.ts';

/** What a run must find, by content: a folder may have another path on another machine. */
export interface Needs {
  /** `datasetHash` of the split that is trained on, and of the one that is evaluated on. */
  readonly train: string;
  readonly test: string;
  /** Of the split that is measured after each epoch, where there is one. */
  readonly validation?: string;
  /** SHA-256 of the backbone's weights; `null` for random ones. */
  readonly weights: string | null;
}

/** A run as a job. */
export interface RunJob {
  /** The id of the whole run. */
  readonly run: string;
  readonly recipe: Recipe;
  readonly until?: { readonly epochs: number } | { readonly steps: number };
  readonly needs: Needs;
}

const length = value.integer({ min: 1 });

const fields = {
  run: required('The id of the whole run.', value.string()),
  recipe: required('The recipe.', value.table(value.json())),
  until: option('Where it pauses.', value.object({ epochs: length, steps: length })),
  needs: required(
    'What it must find.',
    value.object({
      train: value.string(),
      test: value.string(),
      validation: value.string(),
      weights: value.nullable(value.string()),
    }),
  ),
};

/** The job of a run. */
export function jobOf({ id, run, recipe, until, priority }: PlannedRun, needs: Needs): Job {
  return { id, priority, data: plain({ run, recipe, until, needs }) };
}

function untilOf(found: { epochs?: number; steps?: number } | undefined): RunJob['until'] {
  if (found?.epochs !== undefined) return { epochs: found.epochs };
  return found?.steps === undefined ? undefined : { steps: found.steps };
}

/**
 * Checks a job that came from a queue. What it may write follows from its recipe alone: its id is the recipe's hash, so that no job
 * names a place.
 *
 * @throws PeftError `bad-argument`
 */
export function parseJob({ id, data }: Job): RunJob {
  const { run, recipe, until, needs } = configure('job', fields, data, { code: 'bad-argument' });
  const whole = resolveRecipe(recipe as RecipeOptions);
  check(
    runId(whole) === run,
    'bad-argument',
    () => `The job ${JSON.stringify(id)} has the id ${JSON.stringify(run)}, which is not its recipe's.`,
  );
  const isOwn = id === run || (id.startsWith(`${run}-`) && /^-\d+$/.test(id.slice(run.length)));
  check(isOwn, 'bad-argument', () => `The job ${JSON.stringify(id)} is not of the run ${run}.`);
  const { train, test, validation, weights } = needs;
  const lacksValidation = whole.valSplit !== undefined && validation === undefined;
  if (train === undefined || test === undefined || weights === undefined || lacksValidation)
    throw new PeftError('bad-argument', `The job ${id} does not say what it needs.`);
  const pause = untilOf(until);
  return {
    run,
    recipe: whole,
    ...(pause && { until: pause }),
    needs: { train, test, ...(validation !== undefined && { validation }), weights },
  };
}
