import { check, type Engine, PeftError } from '@peft/core';
import { type Device, deviceMemory } from './device-memory.ts';
import { gpuLimits, OnnxEngine } from './engine.ts';
import { createOrtRunner } from './ort-runner.mjs';
import { probe } from './probe.ts';
import type { Runner } from './runner.ts';

export interface OnnxWebEngineOptions {
  /** Threads of the wasm build; by default ONNX Runtime's choice. A browser needs cross-origin isolation for more than one. */
  threads?: number;
  provider?: 'wasm' | 'webgpu';
}

/**
 * An engine that runs recorded steps in onnxruntime-web: in browsers, and in Node where onnxruntime-node is not wanted.
 * It computes in this thread. `env.wasm` of onnxruntime-web says where its files are, and is the caller's to set.
 *
 * @throws PeftError `missing` if onnxruntime-web is not installed, `not-supported` if it cannot use the provider.
 */
export async function onnxWebEngine({ threads, provider = 'wasm' }: OnnxWebEngineOptions = {}): Promise<Engine> {
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
  const name = `onnxruntime-web (${provider})`;
  try {
    const probed = createOrtRunner(ort, options);
    await probe(probed);
    if (provider === 'wasm') return new OnnxEngine(name, probed);
    const device: Device = await ort.env.webgpu.device; // there since a session is
    const runner = createOrtRunner(ort, { ...options, memory: deviceMemory(ort, device) });
    return new OnnxEngine(name, watched(runner, device), gpuLimits);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new PeftError('not-supported', `onnxruntime-web cannot use "${provider}" here. ${reason}`, { cause });
  }
}

/** Has a run fail in which the graphics processor refused something: ONNX Runtime prints that and goes on. */
function watched(runner: Runner, device: Device): Runner {
  let refusal: string | undefined;
  device.addEventListener('uncapturederror', ({ error }) => {
    refusal ??= error.message;
  });
  return {
    ...runner,
    async run(session, feeds) {
      const results = await runner.run(session, feeds);
      const found = refusal;
      refusal = undefined;
      check(found === undefined, 'state', () => `WebGPU refused a part of the step: ${found}`);
      return results;
    },
  };
}
