import { startBackend } from '@peft/backends';
import { onnxWebEngine } from '@peft/compile';
import { type Engine, PeftError } from '@peft/core';
import { expect, test } from 'vitest';
import { withDevice } from '../../../compile/test/with-device.ts';
import { memoryStore, type RunEvent, runOnEngines } from '../../src/index.ts';
import { collect, tinyInputs } from '../tiny.ts';

const recipe = { set: { r: 2 }, steps: 6, batch: 4, lr: 0.02, checkpointEvery: 1 };

/** WebGPU, with its device. */
const devices: GPUDevice[] = [];
async function onWebGpu(): Promise<Engine> {
  const [engine, device] = await withDevice(() => onnxWebEngine({ provider: 'webgpu' }));
  devices.push(device);
  return engine;
}
const onWasm = () => onnxWebEngine({ threads: 1 });

const summaryOf = (events: readonly RunEvent[]): string[] =>
  events.flatMap(event => {
    if (event.type === 'step' || event.type === 'resumed') return [`${event.type} ${event.step}`];
    return event.type === 'notice' && /lost/.test(event.text) ? ['lost'] : [];
  });

test('a run outlives the loss of the graphics processor, twice, and ends on wasm', async () => {
  await startBackend('cpu');
  const whole = await collect(runOnEngines(recipe, { ...tinyInputs(), engines: [onWasm] }));

  const loseAt = [2, 4];
  const store = memoryStore();
  const options = { ...tinyInputs(), store, engines: [onWebGpu, onWebGpu, onWasm] };
  const { events, record } = await collect(runOnEngines(recipe, options), event => {
    if (event.type === 'step' && event.step === loseAt[devices.length - 1]) devices.at(-1)?.destroy();
  });
  expect(summaryOf(events)).toEqual([
    ...['step 1', 'step 2', 'lost', 'resumed 1'],
    ...['step 2', 'step 3', 'step 4', 'lost', 'resumed 3'],
    ...['step 4', 'step 5', 'step 6'],
  ]);
  expect(record?.result.engine).toBe('onnxruntime-web (wasm, 1 thread)');
  expect(record?.result.losses).toHaveLength(6);
  for (const [i, loss] of whole.record?.result.losses.entries() ?? []) {
    expect(record?.result.losses[i]).toBeCloseTo(loss, 4);
  }
});

test('an engine that is missing here is passed over, and other errors end the run', async () => {
  const missing = async (): Promise<Engine> => {
    throw new PeftError('not-supported', 'No such engine.');
  };
  const { events, record } = await collect(runOnEngines(recipe, { ...tinyInputs(), engines: [missing, onWasm] }));
  expect(events[0]).toEqual({ type: 'notice', text: 'No such engine. The run goes on with the next engine.' });
  expect(record?.result.losses).toHaveLength(6);

  await expect(collect(runOnEngines(recipe, { ...tinyInputs(), engines: [missing] }))).rejects.toThrow(
    'No such engine',
  );
  await expect(collect(runOnEngines(recipe, { ...tinyInputs(), engines: [] }))).rejects.toThrow('engines is empty');
  const wrong = runOnEngines({ ...recipe, method: 'none' }, { ...tinyInputs(), engines: [onWasm, onWasm] });
  await expect(collect(wrong)).rejects.toThrow('There is no method "none"');
});
