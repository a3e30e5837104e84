import { dims, PeftError, type Step } from '@peft/core';
import { type RandomSource, withScope } from '@peft/core/engine';
import * as tf from '@tensorflow/tfjs-core';
import { dequantized } from '../kernels/quantized.ts';
import { type ElementType, elementCodes, type Graph, type ValueInfo } from '../onnx/graph.ts';
import { RecordingBackend, recordingBackend } from './backend.ts';
import { isRecordable, Recorder, type RecorderOptions, typeOf } from './recorder.ts';
import type { Source } from './source.ts';
import { disposingAll, registeredVariables } from './tfjs.ts';
import type { Stored, Value } from './value.ts';
import { BorrowedVariables } from './variables.ts';

/** Shape and type of an input of a step. */
export interface InputSpec {
  readonly shape: readonly number[];
  readonly dtype: 'float32' | 'int32';
}

export interface StaticPort extends ValueInfo {
  readonly shape: readonly number[];
}

/**
 * How a value is stored: as it is; in half precision, widened where it is used; as the transpose of a matrix, which products take
 * at no cost; or in 8 bits, in both orders, with scales.
 */
export type Storage = 'plain' | 'half' | 'transposed' | 'int8';

/** One array of a stored value. */
export type Form = Exclude<Storage, 'int8'> | 'int8-values' | 'int8-transposed' | 'int8-scales';

/** The storage that a form belongs to. */
export const storageOfForm = (form: Form): Storage =>
  form === 'int8-values' || form === 'int8-transposed' || form === 'int8-scales' ? 'int8' : form;

/** How the graph reads an array of a source, and where it writes the source's new value. */
export interface Binding {
  readonly source: Source;
  readonly form: Form;
  /** The stored type and shape. */
  readonly type: ElementType;
  readonly shape: readonly number[];
  /** The graph input of its value; left out if the step never reads it. */
  readonly input?: string;
  /** The graph output of its new value, for a variable that the step assigns. */
  readonly output?: string;
}

export interface RecordOptions extends RecorderOptions {
  /** How each variable is stored; all are plain unless given. */
  readonly storageOf?: (variable: tf.Variable) => Storage;
}

/** A step as a graph. */
export interface Recording {
  readonly graph: Graph;
  /** The step's inputs that its outputs depend on. */
  readonly inputs: readonly StaticPort[];
  /** The step's outputs; `key` is the step's own name. */
  readonly outputs: readonly (StaticPort & { readonly key: string })[];
  readonly bindings: readonly Binding[];
  /** Inputs to fill with the random numbers of `path` before each run. */
  readonly random: readonly { readonly name: string; readonly path: string; readonly shape: readonly number[] }[];
}

/**
 * Records a step: runs it once on tensors without values and writes down every kernel. The state of TensorFlow.js stays as it is:
 * variables keep their values, and the current backend stays current.
 */
export function record(
  step: Step,
  inputs: Record<string, InputSpec>,
  { storageOf = () => 'plain', ...options }: RecordOptions = {},
): Recording {
  const backend = recordingBackend();
  const previous = tf.getBackend();
  const recorder = new Recorder(options);
  const outside = new Map<tf.DataId, Value>();
  let variables: BorrowedVariables | undefined;
  backend.begin({
    recorder,
    capture(tensor) {
      const value = outside.get(tensor.dataId) ?? placeholder(recorder, `tensor:${outside.size}`, tensor);
      outside.set(tensor.dataId, value);
      // Tensors of several shapes may share data.
      return recorder.reshape(value, tensor.shape);
    },
    referenced: () => variables?.checkNoneMade(),
  });
  // Takes effect at once, because the recording backend starts synchronously and the previous one has started.
  void tf.setBackend(RecordingBackend.backendName);
  try {
    return disposingAll(() => {
      variables = new BorrowedVariables(backend, variable => {
        if (!isRecordable(variable.dtype)) return undefined;
        return placeholders[storageOf(variable)](recorder, variable);
      });
      const random = new RecordedRandom(backend, recorder);
      const tensors = Object.entries(inputs).map(
        ([name, spec]) => [name, backend.tensor(placeholder(recorder, `input:${name}`, spec))] as const,
      );
      const results = withScope({ random }, () => withoutHostRandom(() => step(Object.fromEntries(tensors))));
      return finish(recorder, backend, results, variables, outside, random);
    });
  } catch (error) {
    throw explained(error);
  } finally {
    variables?.restore();
    backend.end();
    void tf.setBackend(previous);
  }
}

/** The graph input of an array of a variable. */
const inputName = ({ name }: tf.Variable, form: Form): string => `variable:${form}:${name}`;

function placeholder(
  r: Recorder,
  name: string,
  { shape, dtype }: { shape: readonly number[]; dtype: tf.DataType },
): Value {
  return r.value(r.graph.input({ name, shape, type: typeOf(dtype) }), { shape, dtype });
}

function halfPlaceholder(r: Recorder, variable: tf.Variable): Value {
  const { shape } = variable;
  const stored = r.graph.input({ name: inputName(variable, 'half'), shape, type: 'float16' });
  const [wide] = r.graph.node('Cast', [stored], { to: elementCodes.float32 });
  return { ...r.value(wide, { shape }), stored };
}

function transposedPlaceholder(r: Recorder, variable: tf.Variable): Value {
  const { shape } = variable;
  const name = inputName(variable, 'transposed');
  const transposed = r.graph.input({ name, shape: shape.toReversed(), type: 'float32' });
  const [turned] = r.graph.node('Transpose', [transposed], { perm: [1, 0] });
  return { ...r.value(turned, { shape }), transposed };
}

function int8Placeholder(r: Recorder, variable: tf.Variable): Value {
  const { shape } = variable;
  const [inFeatures, outFeatures] = dims(variable, 2);
  const input = (form: Form, type: ElementType, shape: readonly number[]): Stored => {
    const port = { name: inputName(variable, form), type, shape };
    r.graph.input(port);
    return port;
  };
  const quantized = {
    values: input('int8-values', 'int8', [inFeatures, outFeatures]),
    transposed: input('int8-transposed', 'int8', [outFeatures, inFeatures]),
    scales: input('int8-scales', 'float32', [outFeatures]),
  };
  return { ...r.value(dequantized(r, quantized), { shape }), quantized };
}

const placeholders: Record<Storage, (r: Recorder, variable: tf.Variable) => Value> = {
  plain: (r, variable) => placeholder(r, inputName(variable, 'plain'), variable),
  half: halfPlaceholder,
  transposed: transposedPlaceholder,
  int8: int8Placeholder,
};

/** Every form, each with its own graph input. */
const forms: readonly Form[] = ['plain', 'half', 'transposed', 'int8-values', 'int8-transposed', 'int8-scales'];

/** Turns the results and the assigned variables into outputs of the graph. */
function finish(
  recorder: Recorder,
  backend: RecordingBackend,
  results: Record<string, tf.Tensor>,
  variables: BorrowedVariables,
  outside: ReadonlyMap<tf.DataId, Value>,
  random: RecordedRandom,
): Recording {
  const { graph } = recorder;
  const outputs = Object.entries(results).map(([key, tensor]) => {
    const value = backend.recorded(tensor);
    // Booleans leave as integers, because hosts have no arrays of booleans.
    const given = value.dtype === 'bool' ? recorder.cast(value, 'int32') : value;
    const port = { name: `output:${key}`, shape: given.shape, type: typeOf(given.dtype) };
    graph.output(recorder.full(given), port);
    return { ...port, key };
  });
  const assigned = new Map(
    variables.assigned().map(variable => {
      const port = { name: `next:${variable.name}`, shape: variable.shape, type: typeOf(variable.dtype) };
      graph.output(recorder.full(backend.recorded(variable)), port);
      return [variable, port.name] as const;
    }),
  );
  graph.finish();
  const live = new Map(graph.inputs.map(port => [port.name, port as StaticPort]));
  const bindings: Binding[] = [];
  for (const variable of registeredVariables()) {
    const source = { kind: 'variable', variable } as const;
    const output = assigned.get(variable);
    const reads = forms.flatMap(form => {
      const port = live.get(inputName(variable, form));
      return port ? [{ form, port }] : [];
    });
    for (const { form, port } of reads) {
      const { name: input, type, shape } = port;
      bindings.push({ source, form, type, shape, input, output });
    }
    if (reads.length > 0 || !output) continue;
    bindings.push({ source, form: 'plain', type: typeOf(variable.dtype), shape: variable.shape, output });
  }
  for (const [dataId, { name, shape, dtype }] of outside) {
    const source = { kind: 'tensor', dataId } as const;
    if (live.has(name)) bindings.push({ source, form: 'plain', type: typeOf(dtype), shape, input: name });
  }
  return {
    graph,
    outputs,
    bindings,
    inputs: [...live.values()].filter(({ name }) => name.startsWith('input:')),
    random: random.drawn.filter(({ name }) => live.has(name)),
  };
}

/** Refuses random numbers of the host while recording: they would be the same in every run. */
function withoutHostRandom<T>(body: () => T): T {
  const { random } = Math;
  Math.random = () => {
    throw new PeftError(
      'not-supported',
      'The step draws random numbers of the host (Math.random; tf.randomUniform, tf.dropout and others use it) while it is ' +
        'being recorded, which would then be the same in every run. Take them from the scope (currentRandom), or pass them ' +
        'as an input.',
    );
  };
  try {
    return body();
  } finally {
    Math.random = random;
  }
}

/** Gives a placeholder for the random numbers of each path. */
class RecordedRandom implements RandomSource {
  readonly drawn: { name: string; path: string; shape: number[] }[] = [];
  readonly #backend: RecordingBackend;
  readonly #recorder: Recorder;

  constructor(backend: RecordingBackend, recorder: Recorder) {
    this.#backend = backend;
    this.#recorder = recorder;
  }

  uniform(path: string, shape: number[]): tf.Tensor {
    const name = `random:${path}:${shape.join('x')}`;
    if (!this.drawn.some(drawn => drawn.name === name)) this.drawn.push({ name, path, shape });
    return this.#backend.tensor(placeholder(this.#recorder, name, { shape, dtype: 'float32' }));
  }
}

/** Turns TensorFlow.js' error for a missing kernel into one that says what to do. */
function explained(error: unknown): unknown {
  const kernel = error instanceof Error && /Kernel '(\w+)' not registered/.exec(error.message)?.[1];
  if (!kernel) return error;
  return new PeftError(
    'not-supported',
    `The step uses the TensorFlow.js kernel ${kernel}, which has no counterpart in ONNX here. ` +
      'Write it with other ops, or run the step with eagerEngine().',
    { cause: error },
  );
}
