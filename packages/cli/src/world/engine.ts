import { type StartedBackend, startBackend } from '@peft/backends';
import { onnxEngine } from '@peft/compile';
import { check, type Engine, eagerEngine, PeftError } from '@peft/core';
import type { Arguments } from '../arguments.ts';
import type { Output } from '../output/output.ts';

const describe = ({ name, threads, reason }: StartedBackend): string =>
  `tfjs ${name}${threads ? `, ${threads} thread${threads === 1 ? '' : 's'}` : ''} (${reason})`;

/**
 * The engine that `--engine` asks for; `auto` is ONNX Runtime where it is installed, else the best TensorFlow.js backend.
 * Says which one runs, and why.
 */
export async function openEngine(
  { engine, provider, threads, frozenDtype }: Pick<Arguments, 'engine' | 'provider' | 'threads' | 'frozenDtype'>,
  output: Output,
): Promise<Engine> {
  if (engine === 'auto' || engine === 'onnx') {
    await startBackend('cpu');
    try {
      const onnx = await onnxEngine({ threads, provider, frozenDtype });
      output.note(
        `Engine: ${onnx.name} (${engine === 'auto' ? 'onnxruntime is installed: steps are recorded once and run there' : 'as asked'})`,
      );
      return onnx;
    } catch (error) {
      if (engine === 'onnx' || provider !== 'cpu' || !(error instanceof PeftError)) throw error;
      output.note(`onnxruntime cannot be used: ${error.message}`);
    }
  }
  check(
    provider === 'cpu',
    'bad-argument',
    () => `--provider ${provider} is of ONNX Runtime; leave out --engine ${engine}.`,
  );
  check(
    frozenDtype === 'f32',
    'not-supported',
    () => `--frozen-dtype ${frozenDtype} needs ONNX Runtime; TensorFlow.js computes in float32 alone.`,
  );
  const backend = await startBackend(engine, { threads });
  output.note(`Engine: ${describe(backend)}`);
  return eagerEngine();
}

/** Starts a TensorFlow.js backend for work that is done op by op: the one asked for, or wasm. */
export async function openEagerBackend(
  { engine, threads }: Pick<Arguments, 'engine' | 'threads'>,
  output: Output,
): Promise<void> {
  const backend = await startBackend(engine === 'auto' || engine === 'onnx' ? 'wasm' : engine, { threads });
  output.note(`Engine: ${describe(backend)}`);
}
