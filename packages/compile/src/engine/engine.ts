import {
  type CompiledStep,
  check,
  type Engine,
  fold,
  type HostTensor,
  type HostTensors,
  key,
  type OnHost,
  type Step,
  type Tensors,
} from '@peft/core';
import { drawUniform, isFrozen, quantizedWeight, transposedReader } from '@peft/core/engine';
import * as tf from '@tensorflow/tfjs-core';
import { writeModel } from '../onnx/model.ts';
import { type InputSpec, type Recording, record, type Storage, storageOfForm } from '../record/record.ts';
import type { RecorderOptions } from '../record/recorder.ts';
import type { HostArray, Runner } from './runner.ts';
import { type Slot, Store } from './store.ts';

/** A recorded step that is ready to run. */
interface Loaded {
  readonly session: number;
  readonly recording: Recording;
  readonly reads: readonly Slot[];
  readonly writes: readonly Slot[];
}

/** How an engine keeps the frozen weights. */
export interface StorageOptions {
  /**
   * The type in which frozen weights are kept. `f16` halves their memory and rounds them to 11 significant bits; computing stays in
   * float32, as do vectors (biases, norms).
   */
  frozenDtype?: 'f32' | 'f16';
}

/** What an engine's processor demands of graphs. */
export type GraphLimits = Pick<RecorderOptions, 'widestJoin' | 'portable'>;

/**
 * WebGPU guarantees a shader 8 storage buffers, one of which holds the result. ONNX Runtime has its own operators on the CPU
 * only.
 */
export const gpuLimits: GraphLimits = { widestJoin: 7, portable: true };

const specOf = ({ data, shape }: HostTensor): InputSpec => ({
  shape,
  dtype: data instanceof Int32Array ? 'int32' : 'float32',
});

/** Records each step once for each set of input shapes, and runs the graphs one at a time in the order of the calls. */
export class OnnxEngine implements Engine {
  readonly name: string;
  readonly #runner: Runner;
  readonly #store: Store;
  readonly #steps = new Set<Map<string, Loaded>>();
  readonly #frozenDtype: 'f32' | 'f16';
  readonly #limits: GraphLimits;
  /** Variables that steps assign; their storage is plain. */
  readonly #assigned = new WeakSet<tf.Variable>();
  #last: Promise<unknown> = Promise.resolve();
  #disposed: Promise<void> | undefined;
  #ended = false;

  constructor(name: string, runner: Runner, { frozenDtype = 'f32', ...limits }: StorageOptions & GraphLimits = {}) {
    this.name = name;
    this.#runner = runner;
    this.#limits = limits;
    this.#frozenDtype = frozenDtype;
    this.#store = new Store(runner);
  }

  compile<In extends Tensors, Out extends Tensors>(step: Step<In, Out>): CompiledStep<In, Out> {
    const loaded = new Map<string, Loaded>();
    this.#steps.add(loaded);
    return {
      run: (inputs, seed) =>
        this.#inTurn(async () => {
          check(!this.#ended && this.#steps.has(loaded), 'state', () => 'The step, or its engine, was disposed of.');
          return this.#run(step as Step<Tensors, Out>, loaded, inputs, seed);
        }),
      dispose: () =>
        this.#inTurn(async () => {
          if (!this.#steps.delete(loaded)) return;
          await this.#unload(loaded);
          await this.#store.sweep();
        }),
    };
  }

  sync(): Promise<void> {
    return this.#inTurn(() => this.#store.sync());
  }

  invalidate(): void {
    const forget = async () => {
      for (const loaded of this.#steps) await this.#unload(loaded);
      await this.#store.sweep();
    };
    // A failure (of the worker) shows in the next run.
    this.#inTurn(forget).catch(() => {});
  }

  dispose(): Promise<void> {
    this.#disposed ??= this.#inTurn(() => {
      this.#ended = true;
      this.#steps.clear();
      return this.#runner.close();
    });
    return this.#disposed;
  }

  /** How a variable is stored. It stays so, except that a weight is kept in 8 bits just while it is a quantized one. */
  #storageOf(variable: tf.Variable): Storage {
    if (this.#assigned.has(variable)) return 'plain';
    const isInt8 = !this.#limits.portable && quantizedWeight(variable.dataId) !== undefined && isFrozen(variable);
    const kept = this.#store.storageOf(variable);
    if (kept && (kept === 'int8') === isInt8) return kept;
    if (isInt8) return 'int8';
    if (variable.rank < 2 || variable.dtype !== 'float32' || !isFrozen(variable)) return 'plain';
    if (this.#frozenDtype === 'f16') return 'half';
    return transposedReader(variable.dataId) ? 'transposed' : 'plain';
  }

  /** Runs `task` after all earlier tasks. */
  #inTurn<T>(task: () => Promise<T>): Promise<T> {
    const result = this.#last.then(task);
    this.#last = result.catch(() => {});
    return result;
  }

  async #run<Out extends Tensors>(
    step: Step<Tensors, Out>,
    loaded: Map<string, Loaded>,
    inputs: HostTensors,
    seed?: number,
  ): Promise<OnHost<Out>> {
    const inOrder = Object.entries(inputs).sort(([a], [b]) => (a < b ? -1 : 1));
    const specs = Object.fromEntries(inOrder.map(([name, tensor]) => [name, specOf(tensor)]));
    const shapes = JSON.stringify(specs);
    const known = loaded.get(shapes);
    if (known) await this.#restore(known);
    const ready = loaded.get(shapes) ?? (await this.#load(step, specs));
    loaded.set(shapes, ready);
    const { session, recording, reads, writes } = ready;
    await this.#store.refresh([...reads, ...writes]);
    const results = await this.#runner.run(session, feeds(recording, inputs, seed));
    for (const slot of writes) slot.changed = true;
    return Object.fromEntries(
      recording.outputs.map(({ key, name, shape }) => [key, { data: results[name] as HostTensor['data'], shape }]),
    ) as OnHost<Out>;
  }

  async #load(step: Step, specs: Record<string, InputSpec>): Promise<Loaded> {
    await tf.ready();
    const recording = record(step, specs, { storageOf: variable => this.#storageOf(variable), ...this.#limits });
    const { graph, inputs, outputs, random, bindings } = recording;
    const assigned = bindings.flatMap(({ form, output, source }) =>
      output && source.kind === 'variable' ? [{ form, variable: source.variable }] : [],
    );
    for (const { variable } of assigned) this.#assigned.add(variable);
    const kept = assigned.filter(
      ({ form, variable }) => form !== 'plain' || (this.#store.storageOf(variable) ?? 'plain') !== 'plain',
    );
    if (kept.length > 0) {
      await this.#forget(kept.map(({ variable }) => variable));
      return this.#load(step, specs);
    }
    check(graph.outputs.length > 0, 'bad-argument', () => 'The step neither returns a tensor nor assigns a variable.');
    const bound = bindings.map(({ input, output, ...binding }) => ({ input, output, slot: this.#store.slot(binding) }));
    const reads = bound.filter(({ input }) => input).map(({ slot }) => slot);
    const writes = bound.filter(({ output }) => output).map(({ slot }) => slot);
    // The runner prepares the graph while this thread reads the variables.
    const loading = this.#runner.load({
      model: writeModel(graph),
      inputs: [...inputs, ...random.map(({ name, shape }) => ({ name, shape, type: 'float32' as const }))],
      outputs,
      reads: bound.flatMap(({ input, slot }) => (input ? [{ name: input, slot: slot.id }] : [])),
      writes: bound.flatMap(({ output, slot }) => (output ? [{ name: output, slot: slot.id }] : [])),
    });
    const reading = this.#store.refresh([...reads, ...writes]);
    const [session, values] = await Promise.allSettled([loading, reading]);
    if (session.status === 'rejected') throw session.reason;
    if (values.status === 'fulfilled') return { session: session.value, recording, reads, writes };
    await this.#runner.unload(session.value);
    throw values.reason;
  }

  /** Forgets the steps if a weight was quantized, or ceased to be, since they were recorded. */
  async #restore({ reads }: Loaded): Promise<void> {
    const others = reads.flatMap(({ source, form }) => {
      if (source.kind !== 'variable' || source.variable.isDisposed) return [];
      const isInt8 = storageOfForm(form) === 'int8';
      return isInt8 === (this.#storageOf(source.variable) === 'int8') ? [] : [source.variable];
    });
    if (others.length > 0) await this.#forget(others);
  }

  /** Frees the copies of variables, and all that was recorded with them. */
  async #forget(variables: readonly tf.Variable[]): Promise<void> {
    for (const loaded of this.#steps) await this.#unload(loaded);
    for (const variable of variables) await this.#store.forget(variable);
  }

  async #unload(loaded: Map<string, Loaded>): Promise<void> {
    for (const { session } of loaded.values()) await this.#runner.unload(session);
    loaded.clear();
  }
}

/** The arrays of one run: the given inputs, and the random numbers that an eager run would draw. */
function feeds({ inputs, random }: Recording, given: HostTensors, seed?: number): Record<string, HostArray> {
  const arrays: Record<string, HostArray> = {};
  for (const { name, shape } of inputs) {
    const tensor = given[name.slice('input:'.length)];
    check(tensor, 'bad-argument', () => `The step was given no ${name}.`);
    const { data } = tensor;
    const size = tf.util.sizeFromShape([...shape]);
    check(
      data.length === size,
      'bad-shape',
      () => `${name}: shape [${shape}] needs ${size} numbers; found ${data.length}.`,
    );
    arrays[name] = data as HostArray;
  }
  for (const { name, path, shape } of random) {
    check(
      seed !== undefined,
      'bad-argument',
      () => `"${path}" draws random numbers; give run() a seed, another each time.`,
    );
    arrays[name] = drawUniform(fold(key(seed), path), tf.util.sizeFromShape([...shape])) as Float32Array<ArrayBuffer>;
  }
  return arrays;
}
