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
import { drawUniform, isFrozen, transposedReader } from '@peft/core/engine';
import * as tf from '@tensorflow/tfjs-core';
import { writeModel } from '../onnx/model.ts';
import { type Binding, type InputSpec, type Recording, record, type Storage } from '../record/record.ts';
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
  readonly #storageOf: (variable: tf.Variable) => Storage;
  readonly #limits: GraphLimits;
  #last: Promise<unknown> = Promise.resolve();
  #disposed: Promise<void> | undefined;
  #ended = false;

  constructor(name: string, runner: Runner, { frozenDtype = 'f32', ...limits }: StorageOptions & GraphLimits = {}) {
    this.name = name;
    this.#runner = runner;
    this.#limits = limits;
    this.#store = new Store(runner);
    this.#storageOf = variable => {
      const kept = this.#store.storageOf(variable);
      if (kept) return kept;
      if (variable.rank < 2 || variable.dtype !== 'float32' || !isFrozen(variable)) return 'plain';
      if (frozenDtype === 'f16') return 'half';
      return transposedReader(variable.dataId) ? 'transposed' : 'plain';
    };
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
    const recording = record(step, specs, { storageOf: this.#storageOf, ...this.#limits });
    const { graph, inputs, outputs, random, bindings } = recording;
    if (await this.#makePlain(bindings)) return this.#load(step, specs);
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

  /** Switches variables that the step assigns to plain storage. Returns whether there were any. */
  async #makePlain(bindings: readonly Binding[]): Promise<boolean> {
    const assigned = bindings.flatMap(({ storage, output, source }) => {
      if (!output || source.kind !== 'variable') return [];
      return (this.#store.storageOf(source.variable) ?? storage) === 'plain' ? [] : [source];
    });
    if (assigned.length === 0) return false;
    for (const loaded of this.#steps) await this.#unload(loaded);
    for (const source of assigned) {
      await this.#store.forget(source.variable);
      this.#store.slot({ source, storage: 'plain', type: 'float32', shape: source.variable.shape });
    }
    return true;
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
