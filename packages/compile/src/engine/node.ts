import { type Engine, PeftError } from '@peft/core';
import { gpuLimits, OnnxEngine, type StorageOptions } from './engine.ts';
import { openGate } from './gate.ts';
import { multipliesExactly, probe } from './probe.ts';
import { RemoteRunner } from './remote-runner.ts';
import type { Runner } from './runner.ts';
import { nodeThread } from './thread.ts';

export interface OnnxEngineOptions extends StorageOptions {
  /** Threads of ONNX Runtime; by default one per processor. */
  threads?: number;
  /** The execution provider. `webgpu` and `cuda` need a build of onnxruntime-node that has them. */
  provider?: 'cpu' | 'webgpu' | 'cuda';
}

/**
 * Between nodes, ONNX Runtime's threads spin for a millisecond before they sleep. After a run they sleep at once: spinning would take
 * a processor from the preparation of data.
 */
const spinning = { allow_spinning: '1', spin_duration_us: '1000' };

/** Makes ONNX Runtime multiply bytes exactly where its fast kernels saturate: with AVX2 or AVX-512 but no VNNI. It is slow. */
const exactBytes = { x64quantprecision: '1' };

/**
 * An engine that records each step as an ONNX graph and runs it in onnxruntime-node, in another thread.
 *
 * @throws PeftError `missing` if onnxruntime-node is not installed, `not-supported` if it cannot use the provider.
 */
export async function onnxEngine({ threads, provider = 'cpu', frozenDtype }: OnnxEngineOptions = {}): Promise<Engine> {
  const [{ Worker }, { availableParallelism }] = await Promise.all([import('node:worker_threads'), import('node:os')]);
  const count = threads ?? availableParallelism();
  const sessionOptions = (more: object = {}) => ({
    executionProviders: [provider],
    intraOpNumThreads: count,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    graphOptimizationLevel: 'all',
    // A memory pattern is one block for all values that ever live. Without it: 30 % less memory, 3 % more time.
    enableMemPattern: false,
    extra: { session: { intra_op: spinning, force_spinning_stop: '1', ...more } },
  });
  const entry = new URL('./node-worker.mjs', import.meta.url);
  const open = async (more?: object): Promise<Runner> => {
    const gate = openGate();
    const opened = new RemoteRunner(nodeThread(new Worker(entry, { execArgv: [], workerData: { gate } }), gate));
    try {
      await opened.open(sessionOptions(more));
      await probe(opened);
      if (provider !== 'cpu' || more || (await multipliesExactly(opened))) return opened;
    } catch (error) {
      await opened.close();
      throw error;
    }
    await opened.close();
    return open(exactBytes);
  };
  let runner: Runner;
  try {
    runner = await open();
  } catch (cause) {
    if (cause instanceof PeftError && cause.code === 'missing') throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new PeftError('not-supported', `onnxruntime-node cannot use "${provider}" here. ${reason}`, { cause });
  }
  return new OnnxEngine(`onnxruntime-node (${provider}, ${count} thread${count === 1 ? '' : 's'})`, runner, {
    frozenDtype,
    ...(provider === 'webgpu' && gpuLimits),
  });
}
