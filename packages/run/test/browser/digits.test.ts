import { startBackend } from '@peft/backends';
import { onnxWebEngine } from '@peft/compile';
import type { Engine, FolderFiles } from '@peft/core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { memoryStore, type RecipeOptions, type RunOptions, run } from '../../src/index.ts';
import { digitsInputs, digitsRecipes, expectNodeLosses } from '../digits.ts';
import { collect } from '../tiny.ts';

const read = async (url: URL): Promise<Uint8Array<ArrayBuffer>> => {
  return new Uint8Array(await (await fetch(url)).arrayBuffer());
};

/** The files of an adapter but its report, which tells times. */
const weightsOf = ({ adapter }: { adapter: FolderFiles | undefined }) => adapter?.['adapter_model.safetensors'];

describe.each(['wasm', 'webgpu'] as const)('%s', provider => {
  let engine: Engine;
  beforeAll(async () => {
    await startBackend('cpu');
    engine = await onnxWebEngine({ provider, threads: 1, hostFallback: false });
  });
  afterAll(() => engine.dispose());

  async function outcome(recipe: RecipeOptions, options: Partial<RunOptions>, until = Number.POSITIVE_INFINITY) {
    const abort = new AbortController();
    const inputs = await digitsInputs(read);
    return collect(run(recipe, { ...inputs, engine, signal: abort.signal, ...options }), event => {
      if (event.type === 'step' && event.step === until) abort.abort();
    });
  }

  test.each(digitsRecipes)('trains as Node does, and goes on where it was stopped: $method', async recipe => {
    const [whole, parts] = [memoryStore(), memoryStore()];
    const { record } = await outcome(recipe, { store: whole });
    expectNodeLosses(recipe, record?.result.losses);

    const stopped = await outcome(recipe, { store: parts }, 3);
    expect(stopped.events.at(-1)).toMatchObject({ type: 'interrupted', step: 3 });
    const resumed = await outcome(recipe, { store: parts, resume: true });
    expect(resumed.record?.result.losses).toEqual(record?.result.losses);
    expect(weightsOf(parts)).toEqual(weightsOf(whole));
    expect(weightsOf(whole)?.length).toBeGreaterThan(1000);
  });
});
