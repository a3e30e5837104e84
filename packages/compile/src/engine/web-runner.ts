import { PeftError } from '@peft/core';
import type { InferenceSession } from 'onnxruntime-web';
import { onDevice, openDevice } from './device.ts';
import { deviceMemory } from './device-memory.ts';
import { type BuildOptions, loadBuild } from './load-build.ts';
import { createOrtRunner, type OrtRunnerOptions } from './ort-runner.mjs';
import { probe } from './probe.ts';
import type { Runner } from './runner.ts';
import type { WebProvider } from './web-build.ts';

export interface WebRunnerOptions extends BuildOptions {
  provider: WebProvider;
  /** Whether operators that WebGPU lacks may run on the host, with a detour of their values; without, such a step fails. */
  hostFallback?: boolean;
}

/**
 * A runner on onnxruntime-web in this thread.
 *
 * @throws PeftError `missing` if onnxruntime-web is not installed, `not-supported` if it cannot use the provider.
 */
export async function createWebRunner({ provider, hostFallback = true, ...build }: WebRunnerOptions): Promise<Runner> {
  const device = provider === 'webgpu' ? await openDevice() : undefined;
  const ort = await loadBuild(build);
  // Shapes are static, so that buffers of the exact size come again.
  const executionProvider = device ? { name: provider, device, storageBufferCacheMode: 'simple' } : provider;
  const session: InferenceSession.SessionOptions = {
    executionProviders: [executionProvider],
    graphOptimizationLevel: 'all',
    extra: { session: { disable_cpu_ep_fallback: device && !hostFallback ? '1' : '0' } },
  };
  const open = async (more: Partial<OrtRunnerOptions>): Promise<Runner> => {
    const runner = createOrtRunner(ort, { session, preallocate: false, ...more }); // given outputs are left at zero
    await probe(runner);
    return { ...runner, threads: ort.env.wasm.numThreads };
  };
  try {
    if (!device) return await open({});
    return await onDevice(device, refusal => open({ memory: deviceMemory(ort, device), refusal }));
  } catch (cause) {
    if (cause instanceof PeftError) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new PeftError('not-supported', `onnxruntime-web cannot use "${provider}" here. ${reason}`, { cause });
  }
}
