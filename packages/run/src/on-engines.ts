import { check, type Engine, PeftError } from '@peft/core';
import type { RunEvent } from './events.ts';
import type { RunOptions } from './options.ts';
import type { RecipeOptions } from './recipe.ts';
import type { RunRecord } from './record.ts';
import { run } from './run.ts';
import { memoryStore } from './store.ts';

export interface EnginesOptions extends Omit<RunOptions, 'engine'> {
  /** Open the engines, each when the one before it was lost. They are disposed of. */
  readonly engines: readonly (() => Promise<Engine>)[];
}

/**
 * Runs by a recipe on engines that may lose their device: the run goes on from its last checkpoint, of which `checkpointEvery` of the
 * recipe makes some, on the next engine. One that cannot be opened here is passed over.
 *
 * ```ts
 * const onWebGpu = () => onnxWebEngine({ provider: 'webgpu' });
 * const events = runOnEngines(recipe, { ...inputs, engines: [onWebGpu, onWebGpu, () => onnxWebEngine()] });
 * ```
 *
 * @returns as `run` does
 * @throws PeftError as `run` does, and what the last engine throws
 */
export async function* runOnEngines(
  recipe: RecipeOptions,
  { engines, ...options }: EnginesOptions,
): AsyncGenerator<RunEvent, RunRecord | undefined> {
  check(engines.length > 0, 'bad-argument', () => 'engines is empty; give at least one function that opens an engine.');
  const { store = memoryStore() } = options;
  let { resume } = options;
  for (const [i, open] of engines.entries()) {
    let engine: Engine | undefined;
    try {
      engine = await open();
      let record: RunRecord | undefined;
      for await (const event of run(recipe, { ...options, store, engine, resume })) {
        if (event.type === 'checkpoint') resume ||= true;
        if (event.type === 'done') record = event.record;
        yield event;
      }
      return record;
    } catch (error) {
      const isLast = i === engines.length - 1;
      const expected = engine ? 'device-lost' : 'not-supported';
      if (isLast || !(error instanceof PeftError) || error.code !== expected) throw error;
      yield { type: 'notice', text: `${error.message} The run goes on with the next engine.` };
    } finally {
      await engine?.dispose();
    }
  }
  return undefined;
}
