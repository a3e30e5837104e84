import { check, type Engine } from '@peft/core';
import type { WebWorker } from './thread.ts';
import { type OnnxWebEngineOptions, onnxWebEngine } from './web.ts';
import { buildFor, type WebProvider } from './web-build.ts';

/** What a trial tells. Each event of the type `step` is a step, which took `ms`; others do not count. */
export interface TrialEvent {
  readonly type: string;
  readonly ms?: number;
}

export interface PickOptions extends Omit<OnnxWebEngineOptions, 'provider' | 'build' | 'worker'> {
  /** Makes the worker of each engine, a module worker that imports `@peft/compile/worker`; without it there is none. */
  worker?: () => WebWorker;
}

/** An engine, and why it is this one. */
export interface PickedWebEngine {
  readonly engine: Engine;
  readonly chosen: WebProvider;
  /** A sentence. */
  readonly reason: string;
  /** How long a step takes: the median in ms of each provider that was timed. */
  readonly timings: Readonly<Partial<Record<WebProvider, number>>>;
}

/** Timed steps of a trial, after the first, which records and compiles. */
const timedSteps = 3;

/** Why WebGPU is not tried. */
function obstacle(): string | undefined {
  const { navigator } = globalThis;
  if (!navigator?.gpu) return 'There is no WebGPU here.';
  // An iPad calls itself a Mac, but has a touch screen.
  const isIos =
    /iP(hone|ad|od)/.test(navigator.userAgent) || (/Mac/.test(navigator.userAgent) && navigator.maxTouchPoints > 1);
  return isIos ? 'On iOS, WebGPU takes more memory than a page may have.' : undefined;
}

const whyFailed = (error: unknown): string => {
  return `WebGPU fails here: ${error instanceof Error ? error.message : String(error)}`;
};

/** The median of the timed steps, in ms. */
async function medianStep(events: AsyncIterable<TrialEvent>): Promise<number> {
  const times: number[] = [];
  for await (const { type, ms } of events) {
    if (type === 'step') times.push(ms ?? Number.NaN);
    if (times.length > timedSteps) break;
  }
  const found = times.length;
  check(found > timedSteps, 'bad-argument', () => `A trial needs ${timedSteps + 1} steps; it ended after ${found}.`);
  check(times.every(Number.isFinite), 'bad-argument', () => 'A step of the trial lacks `ms`, how long it took.');
  return times.slice(1).sort((a, b) => a - b)[Math.floor(timedSteps / 2)]!;
}

/**
 * The faster of wasm and WebGPU, found by a few real steps of a trial on each: on small models wasm wins, by how much depends on
 * the device. On iOS, and where there is no WebGPU, it is wasm without a trial.
 *
 * ```ts
 * const { engine, reason } = await pickWebEngine(engine => run(recipe, { ...inputs, engine }));
 * ```
 *
 * @param trial trains the very model on an engine, and leaves it as it was when it is left after some steps: `run` of
 *   `@peft/run` does
 * @throws PeftError `missing` if onnxruntime-web is not installed; whatever the trial throws on wasm
 */
export async function pickWebEngine(
  trial: (engine: Engine) => AsyncIterable<TrialEvent>,
  { worker, ...options }: PickOptions = {},
): Promise<PickedWebEngine> {
  const why = obstacle();
  // Where both are timed, `jspi` serves wasm too, and as fast as the plain build; `asyncify` is slower there.
  const build = why === undefined && buildFor('webgpu') === 'jspi' ? 'jspi' : undefined;
  const open = (provider: WebProvider): Promise<Engine> =>
    onnxWebEngine({ ...options, ...(build && { build }), provider, ...(worker && { worker: worker() }) });
  const timeOn = async (provider: WebProvider): Promise<{ engine: Engine; ms: number }> => {
    const engine = await open(provider);
    try {
      return { engine, ms: await medianStep(trial(engine)) };
    } catch (error) {
      await engine.dispose();
      throw error;
    }
  };
  if (why !== undefined) return { engine: await open('wasm'), chosen: 'wasm', reason: why, timings: {} };

  const wasm = await timeOn('wasm');
  await wasm.engine.dispose(); // one model at a time
  const webgpu = await timeOn('webgpu').catch(whyFailed);
  if (typeof webgpu === 'string') {
    return { engine: await open('wasm'), chosen: 'wasm', reason: webgpu, timings: { wasm: wasm.ms } };
  }
  const timings = { wasm: wasm.ms, webgpu: webgpu.ms };
  const [onGpu, onHost] = [webgpu.ms, wasm.ms].map(ms => `${Number(ms.toPrecision(2))} ms`);
  const reason = `A step takes ${onGpu} on WebGPU and ${onHost} on wasm.`;
  if (webgpu.ms < wasm.ms) return { engine: webgpu.engine, chosen: 'webgpu', reason, timings };
  await webgpu.engine.dispose();
  return { engine: await open('wasm'), chosen: 'wasm', reason, timings };
}
