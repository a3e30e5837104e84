import { type StartedBackend, startBackend } from '@peft/backends';
import { onnxEngine } from '@peft/compile';
import { check, type Engine, eagerEngine, PeftError } from '@peft/core';

export interface EngineOptions {
  /** `auto` is ONNX Runtime where it is installed, else the best TensorFlow.js backend; that is also what none means. */
  readonly engine?: 'auto' | 'onnx' | 'webgpu' | 'wasm' | 'cpu';
  /** What computes in ONNX Runtime; `cpu` unless given. */
  readonly provider?: 'cpu' | 'webgpu' | 'cuda';
  readonly threads?: number;
  /** How ONNX Runtime keeps weights that are not trained; `f32` unless given. */
  readonly frozenDtype?: 'f32' | 'f16';
}

const describe = ({ name, threads, reason }: StartedBackend): string =>
  `tfjs ${name}${threads ? `, ${threads} thread${threads === 1 ? '' : 's'}` : ''} (${reason})`;

/**
 * Opens the engine that is asked for.
 *
 * @param notice told which one runs, and why
 * @throws PeftError `bad-argument`, `missing` or `not-supported` for what cannot run here
 */
export async function openEngine(
  { engine = 'auto', provider = 'cpu', threads, frozenDtype = 'f32' }: EngineOptions,
  notice: (text: string) => void = () => {},
): Promise<Engine> {
  if (engine === 'auto' || engine === 'onnx') {
    await startBackend('cpu');
    try {
      const onnx = await onnxEngine({ threads, provider, frozenDtype });
      const reason = engine === 'auto' ? 'onnxruntime is installed: steps are recorded once and run there' : 'as asked';
      notice(`Engine: ${onnx.name} (${reason})`);
      return onnx;
    } catch (error) {
      if (engine === 'onnx' || provider !== 'cpu' || !(error instanceof PeftError)) throw error;
      notice(`onnxruntime cannot be used: ${error.message}`);
    }
  }
  check(
    provider === 'cpu',
    'bad-argument',
    () => `Provider ${provider} is of ONNX Runtime; it does not go with engine ${engine}.`,
  );
  check(
    frozenDtype === 'f32',
    'not-supported',
    () => `frozenDtype ${frozenDtype} needs ONNX Runtime; TensorFlow.js computes in float32 alone.`,
  );
  return openEagerEngine({ engine, threads }, notice);
}

/** Opens a TensorFlow.js engine: the backend that is asked for, or the best; wasm in the place of ONNX Runtime. */
export async function openEagerEngine(
  { engine = 'auto', threads }: Pick<EngineOptions, 'engine' | 'threads'>,
  notice: (text: string) => void = () => {},
): Promise<Engine> {
  const backend = await startBackend(engine === 'onnx' ? 'wasm' : engine, { threads });
  notice(`Engine: ${describe(backend)}`);
  return eagerEngine();
}
