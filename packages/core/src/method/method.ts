import type * as tf from '@tensorflow/tfjs-core';
import type { PeftAdapterFile, TensorReader } from '../files/adapter-file.ts';
import type { JsonObject } from '../files/json.ts';
import type { Initializer } from '../module/init.ts';
import type { Slice } from '../module/layers.ts';
import type { FileLayout } from '../module/layout.ts';
import type { Options } from '../schema/options.ts';
import type { Key } from '../tensor/random.ts';
import type { Aggregation, GateSpec, Scores } from './gate.ts';
import type { Target, TargetOptions } from './targets.ts';

/** A tensor that a method wants for a target. */
export interface ParameterSpec {
  readonly shape: readonly number[];
  readonly init: Initializer;
  /** How files store it; as it is, unless given. */
  readonly layout?: FileLayout;
  /** Kept with the adapter, but never trained. */
  readonly frozen?: boolean;
  /** Targets that name the same word share one tensor: counted, optimized and stored once. */
  readonly share?: string;
  /** Whether its last axis runs along the target's outputs, and zeros there make the same outputs of the delta zero. */
  readonly perOutput?: boolean;
  /** The entries of its last axis that may differ from zero. The others are neither trained nor stored; methods see zeros. */
  readonly nonzero?: readonly boolean[];
}

/** `true`, or why not: a sentence. */
export type Mergeable = true | { readonly reason: string };

export type Tensors = Record<string, tf.Tensor>;

/** One call of an adapted target. */
export interface DeltaCall {
  /** The module's input, `[..., in]`. */
  readonly x: tf.Tensor;
  readonly parameters: Tensors;
  readonly target: Target;
  /** A word of its own for this adapter and target: the path of its random numbers. */
  readonly path: string;
  /**
   * The target's frozen weight, `[in, out]` (its slice of a fused projection), whether or not something is merged into it.
   * A block has none: it throws.
   */
  weight(): tf.Tensor;
  /** What the frozen target gives without its bias, `x W0`, `[..., out]`; for a block, all that it gives. */
  baseOutput(): tf.Tensor;
}

/** What is known of an adapted target without an input. */
export type WeightCall = Pick<DeltaCall, 'parameters' | 'target' | 'weight'>;

/**
 * A way of adapting frozen modules: pure functions of tensors, and what core must know to attach, merge and store them.
 * Core never names a method; a method declares what it needs.
 */
export interface Method<Config extends object = object, Findings extends object = object> {
  /** The name in `peft.json` and in reports: `lora`. */
  readonly type: string;
  /** What was asked for: its options, as plain data. */
  readonly config: Config;
  /** What a stage of a run has found, such as a mask, as plain data. The factory takes it back as the option `findings`. */
  readonly findings?: Findings;
  /** What it adapts; nothing for methods that train whole modules only. */
  readonly targets: TargetOptions | undefined;
  /** The method on these targets. Only a method that was given none has it: the model's `defaultTargets` are taken. */
  withTargets?(targets: readonly string[]): Method;
  /** Whether its targets may be blocks without a weight of their own, such as an MLP; no unless given. */
  readonly blocks?: boolean;
  /** Whether its targets may be convolutions, such as a patch embedding; no unless given. */
  readonly convolutions?: boolean;
  /** Modules of which the adapter keeps and trains a whole copy, by name: usually the classification head. */
  readonly modulesToSave: readonly string[];
  /** Biases of the base of which the adapter keeps and trains a copy: none, all, or those of the adapted modules. */
  readonly bias?: 'none' | 'all' | 'adapted';
  /** Tables of its options whose keys are patterns of paths, by the option's name: {@link patternValue} reads them. */
  readonly patterns?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** The tensors of a target, by name. `targets`: all targets of the adapter, for methods that share among them. */
  parameters(target: Target, targets: readonly Target[]): Record<string, ParameterSpec>;
  /** What the adapter adds to the target's output, `[..., out]`. */
  delta(call: DeltaCall): tf.Tensor;
  /**
   * Whether each row (token) of the delta depends on the same row of `x` and of the base output alone, so that a model may
   * leave out rows that it does not read. False unless given.
   */
  readonly rowwise?: boolean;
  /** What the adapter adds to the target's weight, `[in, out]`, before the module uses it; nothing unless given. */
  weightDelta?(call: WeightCall): tf.Tensor | undefined;
  /** Whether it can be merged into the base weights; if not, the reason, which the user reads. */
  readonly mergeable: Mergeable;
  /** The merged change of the target's weight, `[in, out]`. */
  deltaWeight?(call: WeightCall): tf.Tensor;
  /** Values that depend on the frozen weight (`[in, out]`, row-major), for some of the parameters. */
  initFromWeight?(target: Target, weight: Float32Array, from: Key): Promise<Record<string, Float32Array>>;
  /** The method whose deltas this one acts on. Its config does not tell of it; `peft.json` has it beside. */
  readonly base?: Method;
  /** The next turning point of a training run, if it has one. */
  readonly stage?: Stage;
  /** The adapter in the terms of Hugging Face peft; without it, core writes the tensors under their own names. */
  readonly files?: MethodFiles;
}

/** An adapter's tensors outside any backend: by target, then by parameter name, in memory order. */
export type TargetValues = { readonly target: Target; readonly values: Record<string, Float32Array> }[];

/** How a method stands in Hugging Face peft's files. */
export interface MethodFiles {
  /** `peft_type`. */
  readonly peftType: string;
  write(targets: TargetValues): Promise<PeftAdapterFile>;
  /** The same method under another library's names; undefined where it has no such form. Absent if it never has one. */
  renamed?(names: RenamedTargets): Method | undefined;
  /** The values of the adapter of some of a target's outputs, `[start, end)`, given those of the whole target. */
  part?(values: TargetValues[number], slice: Slice): Record<string, Float32Array>;
}

/** The targets and saved modules of an adapter by another library's names. */
export interface RenamedTargets {
  /** What `targets` is now: the ends of names where they address the same modules, else whole names. */
  readonly targets: readonly string[];
  readonly modulesToSave: readonly string[];
  /** The names of each target: several for the whole of a fused projection. */
  readonly names: readonly { readonly target: Target; readonly names: readonly string[] }[];
}

/** What a stage leads to: the method that replaces the adapter's. */
export interface StageResult {
  readonly method: Method;
  /**
   * Values, in memory order, by path (`blocks.3.mlp.checkpoint.A`), of parameters that do not simply keep theirs. Those
   * that have the path and the shape of one that was there keep its values; all others start as they are initialized.
   */
  readonly values?: Readonly<Record<string, Float32Array>>;
}

/** A turning point of a training run, at which a method is scored and goes on as another: masked, pruned, shared. */
export interface Stage {
  /** What happens, as a noun, for people: `head scoring`. */
  readonly name: string;
  /** How many epochs of a run of `epochs` come before it: 0 for before the first step. */
  after(epochs: number): number;
  /** The gates of a target. Left out by stages that look at the values alone. */
  gate?(target: Target, targets: readonly Target[]): GateSpec | undefined;
  /** `batch` unless given. */
  readonly aggregation?: Aggregation;
  /** Batches that are scored; an epoch of them unless given. */
  readonly batches?: number;
  /** Whether a run may end before it: what was there so far stands by itself. */
  readonly optional?: boolean;
  /** What the adapter goes on as, given the scores and its values. */
  next(scores: Scores, values: TargetValues): StageResult;
  /** The method that this stage led to before, by what it found then: from a checkpoint. */
  resume(findings: JsonObject): Method;
}

/** What a method makes of a file: itself, and its values target by target once the targets are known. */
export interface ReadAdapter {
  readonly method: Method;
  /**
   * The values of one target, in memory order. What the file lacks is noted by the reader. Without it, tensors are read under
   * their own paths, as core writes those of methods without `files`.
   */
  values?(target: Target, targets: readonly Target[], reader: TensorReader): Record<string, Float32Array>;
  /** Whether what the file has under this key is a copy of a tensor that several layers share; no unless given. */
  isShared?(key: string): boolean;
}

/** A method's package, as a value: calling it makes a {@link Method}. */
export interface MethodFactory<Given = never, Made extends Method = Method> {
  (options: Given): Made;
  readonly type: string;
  /** What can be chosen, by name: for help, tables and forms. */
  readonly options?: Options;
  /** What its methods act on unless they are given another: readable wherever they are. */
  readonly base?: MethodFactory;
  /** The `peft_type` that it reads and writes, if Hugging Face peft has this method. */
  readonly peftType?: string;
  /**
   * Reads what {@link MethodFiles.write} or Python peft wrote.
   *
   * @param config the method's own options, where `peft.json` has them
   */
  read?(file: PeftAdapterFile, config?: Given): ReadAdapter;
}
