import { type StartedBackend, startBackend } from '@peft/backends';
import { onnxEngine } from '@peft/compile';
import { check, type Engine, eagerEngine, PeftError, type QuantizedDtype } from '@peft/core';

export interface EngineOptions {
  /** `auto`, the default, is ONNX Runtime if it is installed, else the fastest backend of TensorFlow.js. */
  readonly engine?: 'auto' | 'onnx' | 'webgpu' | 'wasm' | 'cpu';
  /** The execution provider of ONNX Runtime; `cpu` unless given. */
  readonly provider?: 'cpu' | 'webgpu' | 'cuda';
  readonly threads?: number;
  /** How frozen weights are kept; `f32` unless given. All engines take `int8` and `int4`, which are the backbone's own. */
  readonly frozenDtype?: 'f32' | 'f16' | QuantizedDtype;
}

const describe = ({ name, threads, reason }: StartedBackend): string =>
  `tfjs ${name}${threads ? `, ${threads} thread${threads === 1 ? '' : 's'}` : ''} (${reason})`;

/**
 * Opens the engine that these options name.
 *
 * @param notice called with a line that says which engine runs, and why
 * @throws PeftError `bad-argument`, `missing` or `not-supported` for what cannot run here
 */
export async function openEngine(
  { engine = 'auto', provider = 'cpu', threads, frozenDtype = 'f32' }: EngineOptions,
  notice: (text: string) => void = () => {},
): Promise<Engine> {
  if (engine === 'auto' || engine === 'onnx') {
    await startBackend('cpu');
    try {
      const onnx = await onnxEngine({ threads, provider, ...(frozenDtype === 'f16' && { frozenDtype }) });
      const reason = engine === 'auto' ? 'onnxruntime is installed: steps are recorded once and run there' : 'as asked';
      notice(`Engine: ${onnx.name} (${reason})`);
      return onnx;
    } catch (error) {
      if (engine === 'onnx' || provider !== 'cpu' || !(error instanceof PeftError)) throw error;
      notice(
        error.code === 'missing'
          ? 'onnxruntime-node is not installed; with it steps are faster: npm install onnxruntime-node'
          : `onnxruntime cannot be used: ${error.message}`,
      );
    }
  }
  check(
    provider === 'cpu',
    'bad-argument',
    () => `Provider ${provider} is of ONNX Runtime; it does not go with engine ${engine}.`,
  );
  check(
    frozenDtype !== 'f16',
    'not-supported',
    () => 'frozenDtype f16 needs ONNX Runtime. TensorFlow.js keeps frozen weights in f32, int8 or int4.',
  );
  return openEagerEngine({ engine, threads }, notice);
}

/** Opens an engine of TensorFlow.js: the backend that the options name, or the fastest; wasm if they name ONNX Runtime. */
export async function openEagerEngine(
  { engine = 'auto', threads }: Pick<EngineOptions, 'engine' | 'threads'>,
  notice: (text: string) => void = () => {},
): Promise<Engine> {
  const backend = await startBackend(engine === 'onnx' ? 'wasm' : engine, { threads });
  notice(`Engine: ${describe(backend)}`);
  return eagerEngine();
}
