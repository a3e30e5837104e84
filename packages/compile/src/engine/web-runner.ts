import { PeftError } from '@peft/core';
import { type Device, deviceMemory } from './device-memory.ts';
import { createOrtRunner } from './ort-runner.mjs';
import { probe } from './probe.ts';
import type { Runner } from './runner.ts';

export interface WebRunnerOptions {
  /** Threads of the wasm build; by default ONNX Runtime's choice. A browser needs cross-origin isolation for more than one. */
  threads?: number;
  provider?: 'wasm' | 'webgpu';
}

/**
 * A runner on onnxruntime-web in this thread.
 *
 * @throws PeftError `missing` if onnxruntime-web is not installed, `not-supported` if it cannot use the provider.
 */
export async function createWebRunner({ threads, provider = 'wasm' }: WebRunnerOptions): Promise<Runner> {
  const ort = await import('onnxruntime-web').catch(cause => {
    throw new PeftError(
      'missing',
      'onnxWebEngine needs the package onnxruntime-web, which is not installed. Install it, or use eagerEngine().',
      { cause },
    );
  });
  if (threads !== undefined) ort.env.wasm.numThreads = threads;
  const options = {
    session: { executionProviders: [provider], graphOptimizationLevel: 'all' as const },
    preallocate: false, // it leaves outputs that it is given at zero
  };
  try {
    const probed = createOrtRunner(ort, options);
    await probe(probed);
    if (provider === 'wasm') return probed;
    const device: Device = await ort.env.webgpu.device; // there since a session is
    return watched(device, refusal => createOrtRunner(ort, { ...options, memory: deviceMemory(ort, device), refusal }));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new PeftError('not-supported', `onnxruntime-web cannot use "${provider}" here. ${reason}`, { cause });
  }
}

/** Has a run fail in which the graphics processor refused something: ONNX Runtime prints that and goes on. */
function watched(device: Device, open: (refusal: () => string | undefined) => Runner): Runner {
  let refused: string | undefined;
  const listen = ({ error }: { error: { message: string } }): void => {
    refused ??= `WebGPU refused a part of the step: ${error.message}`;
  };
  device.addEventListener('uncapturederror', listen);
  const runner = open(() => refused);
  return {
    ...runner,
    run(session, feeds) {
      refused = undefined; // what others did on this device is theirs
      return runner.run(session, feeds);
    },
    close() {
      device.removeEventListener('uncapturederror', listen);
      return runner.close();
    },
  };
}
