import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Dataset, subset } from '@peft/data';
import { memoryStore, type RecipeOptions, type RunStore, run } from '@peft/run';
import { folderStore, type OpenedInputs, openInputs } from '@peft/run/node';
import { type Held, held, StepCount } from './held.ts';

export type SoakedEngine = 'onnx' | 'wasm';

/** What one process does. Plain data: it goes there as JSON. */
export interface Part {
  readonly engine: SoakedEngine;
  readonly kind: 'trainings' | 'steps';
  readonly count: number;
}

/** A start, where all that is made once has been made; the middle; and the end. */
export type Course = readonly [start: Held, middle: Held, end: Held];

/** A part that was done. */
export interface Soaked {
  readonly part: Part;
  readonly course: Course;
  readonly seconds: number;
}

const digits = { backbone: 'pico-vit', data: 'mnist', imageSize: 16 } as const;
const brief = { ...digits, batch: 2, steps: 4 } as const;

/** The five methods, each for a few steps that pass its stages. */
const trainings: readonly RecipeOptions[] = [
  { ...brief, method: 'lora', lr: 2e-3, set: { r: 4 } },
  { ...brief, method: 'neat', lr: 5e-3, set: { r: 4 } },
  { ...brief, method: 'lily', lr: 1e-3, set: { r: 4 } },
  { ...brief, method: 'heat', lr: 2e-3, set: { r: 4, ratio: 0.5 } },
  { ...brief, method: 'pear', lr: 2e-3, set: { r: 4 } },
];

/** Trainings before the first look: each method twice, with inputs of its own and with the shared ones. */
export const warmUp = 2 * trainings.length;

/** Few pictures of each class. */
function few(dataset: Dataset, size: number): Dataset {
  const stride = Math.floor(dataset.size / size);
  const indices = Int32Array.from({ length: size }, (_, i) => i * stride);
  return subset(dataset, indices, `${size} of ${dataset.name}`);
}

async function open(recipe: RecipeOptions, engine: SoakedEngine, count: StepCount): Promise<OpenedInputs> {
  const inputs = await openInputs(recipe, { engine, threads: 1 });
  count.watch(inputs.engine);
  return inputs;
}

/** Trains to the end. */
async function train(recipe: RecipeOptions, inputs: OpenedInputs, store: RunStore): Promise<void> {
  const fewer = { ...inputs, train: few(inputs.train, 20), test: few(inputs.test, 10) };
  let losses: readonly number[] = [];
  for await (const event of run(recipe, { ...fewer, store })) {
    if (event.type === 'done') losses = event.record.result.losses;
  }
  if (losses.length !== brief.steps) throw new Error(`${recipe.method} ended after ${losses.length} steps.`);
}

/** Trains with inputs of its own, in a folder, as a sweep's worker does. */
async function trainAlone(
  recipe: RecipeOptions,
  engine: SoakedEngine,
  folder: string,
  count: StepCount,
): Promise<void> {
  const inputs = await open(recipe, engine, count);
  try {
    await train(recipe, inputs, folderStore(folder));
  } finally {
    await inputs.close();
    await rm(folder, { recursive: true });
  }
}

/**
 * Short trainings in this process, the five methods in turn. Every other one opens engine, backbone and data for itself, and closes
 * them; the rest share some that stay open.
 */
async function soakTrainings(engine: SoakedEngine, count: number): Promise<Course> {
  const steps = new StepCount();
  const scratch = await mkdtemp(join(tmpdir(), 'peft-soak-'));
  const shared = await open(brief, engine, steps);
  try {
    let done = 0;
    const until = async (end: number): Promise<Held> => {
      for (; done < warmUp + end; done++) {
        const recipe = trainings[done % trainings.length];
        if (done % 2 === 0) await trainAlone(recipe, engine, join(scratch, 'run'), steps);
        else await train(recipe, shared, memoryStore());
      }
      return held(end, steps);
    };
    return [await until(0), await until(Math.floor(count / 2)), await until(count)];
  } finally {
    await shared.close();
    await rm(scratch, { recursive: true });
  }
}

/** One training of so many steps, LoRA on all digits, with ten checkpoints. */
async function soakSteps(engine: SoakedEngine, count: number): Promise<Course> {
  const steps = new StepCount();
  const scratch = await mkdtemp(join(tmpdir(), 'peft-soak-'));
  const recipe = { ...digits, batch: 2, method: 'lora', set: { r: 8 }, lr: 1e-3, steps: count } as const;
  const inputs = await open(recipe, engine, steps);
  try {
    const looks: Held[] = [];
    const due = [Math.ceil(count / 50), Math.floor(count / 2), count];
    const store = folderStore(join(scratch, 'run'));
    for await (const event of run({ ...recipe, checkpointEvery: Math.ceil(count / 10) }, { ...inputs, store })) {
      if (event.type === 'step' && due.includes(event.step)) looks.push(await held(event.step, steps));
    }
    const [start, middle, end] = looks;
    return [start, middle, end];
  } finally {
    await inputs.close();
    await rm(scratch, { recursive: true });
  }
}

/** Does a part in this process, and looks at what it holds. */
export const soak = ({ engine, kind, count }: Part): Promise<Course> =>
  kind === 'trainings' ? soakTrainings(engine, count) : soakSteps(engine, count);
