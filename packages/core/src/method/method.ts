import type * as tf from '@tensorflow/tfjs-core';
import type { PeftAdapterFile, TensorReader } from '../files/adapter-file.ts';
import type { JsonObject } from '../files/json.ts';
import type { Initializer } from '../module/init.ts';
import type { Slice } from '../module/layers.ts';
import type { FileLayout } from '../module/layout.ts';
import type { Options } from '../schema/options.ts';
import type { Key } from '../tensor/random.ts';
import type { Tensors } from '../tensor/tensors.ts';
import type { Aggregation, GateSpec, Scores } from './gate.ts';
import type { Target, TargetOptions } from './targets.ts';

/** A parameter that a method asks for at a target. */
export interface ParameterSpec {
  readonly shape: readonly number[];
  readonly init: Initializer;
  /** How files store it; in memory order unless given. */
  readonly layout?: FileLayout;
  /** Saved with the adapter, but never trained. */
  readonly frozen?: boolean;
  /** Targets with the same `share` use one tensor, which is counted, trained and stored once. */
  readonly share?: string;
  /** Whether its last axis runs along the target's outputs, and zeros there make the same outputs of the delta zero. */
  readonly perOutput?: boolean;
  /** The entries of its last axis that may differ from zero. The others are neither trained nor stored; methods see zeros. */
  readonly nonzero?: readonly boolean[];
}

/** The parameters of a method at a target, by name. */
export type ParameterSpecs<Own extends Tensors = Tensors> = { readonly [Name in keyof Own]: ParameterSpec };

/** `true`, or why not: a sentence. */
export type Mergeable = true | { readonly reason: string };

/** One call of an adapted target. `Own` are the method's tensors there, by name. */
export interface DeltaCall<Own extends Tensors = Tensors> {
  /** The module's input, `[..., in]`. */
  readonly x: tf.Tensor;
  readonly parameters: Own;
  readonly target: Target;
  /** Identifies this adapter and target: the path of its random numbers. */
  readonly path: string;
  /**
   * The target's frozen weight, `[in, out]`: of a fused projection, its slice; without anything that is merged into it.
   * Throws for a block, which has none.
   */
  weight(): tf.Tensor;
  /** The output of the frozen target without its bias, `x W0`, `[..., out]`; for a block, its whole output. */
  baseOutput(): tf.Tensor;
}

/** The part of a {@link DeltaCall} that needs no input. */
export type WeightCall<Own extends Tensors = Tensors> = Pick<DeltaCall<Own>, 'parameters' | 'target' | 'weight'>;

/**
 * A way of adapting frozen modules: pure functions of tensors, and what core needs to attach, merge and store them. Core
 * knows no method by name; a method declares what it needs.
 */
export interface Method<
  Config extends object = object,
  Own extends Tensors = Tensors,
  Findings extends object = object,
> {
  /** The name in `peft.json` and in reports: `lora`. */
  readonly type: string;
  /** The options that the user chose, as plain data. */
  readonly config: Config;
  /** The result of a stage, such as a mask, as plain data. The factory takes it back as the option `findings`. */
  readonly findings?: Findings;
  /** The modules that it adapts; undefined for methods that only train whole modules. */
  readonly targets: TargetOptions | undefined;
  /** The method with the model's `defaultTargets`. Present on a method whose options name no targets. */
  withTargets?(targets: readonly string[]): Method;
  /** Whether it can adapt blocks without a weight of their own, such as an MLP. False unless given. */
  readonly blocks?: boolean;
  /** Whether it can adapt convolutions, such as a patch embedding. False unless given. */
  readonly convolutions?: boolean;
  /** Names of modules that the adapter copies, trains and saves whole, usually the classification head. */
  readonly modulesToSave: readonly string[];
  /** The base biases that the adapter copies, trains and saves: none, all, or those of adapted modules. */
  readonly bias?: 'none' | 'all' | 'adapted';
  /** Its options whose keys are patterns of paths, by name, such as `rankPattern`; see {@link patternValue}. */
  readonly patterns?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** The parameters of a target, by name. `targets` are all targets of the adapter, for methods that share tensors. */
  parameters(target: Target, targets: readonly Target[]): ParameterSpecs<Own>;
  /** The update of the target's output, `[..., out]`. */
  delta(call: DeltaCall<Own>): tf.Tensor;
  /**
   * Whether each row (token) of the delta depends on the same row of `x` and of the base output alone, so that a model may
   * leave out rows that it does not read. False unless given.
   */
  readonly rowwise?: boolean;
  /** The update of the target's weight, `[in, out]`, in each forward pass, for methods that change the weight itself. */
  weightDelta?(call: WeightCall<Own>): tf.Tensor | undefined;
  /** Whether it can be merged into the base weights, or the reason why not, which the user reads. */
  readonly mergeable: Mergeable;
  /** The update that merging adds to the target's weight, `[in, out]`. */
  deltaWeight?(call: WeightCall<Own>): tf.Tensor;
  /** Initial values of parameters that depend on the frozen weight (`[in, out]`, row-major), as PiSSA's do. */
  initFromWeight?(target: Target, weight: Float32Array, from: Key): Promise<Record<string, Float32Array>>;
  /** The method whose deltas this one acts on. `peft.json` stores it beside the config. */
  readonly base?: Method;
  /** The next stage of a training run, if there is one. */
  readonly stage?: Stage;
  /** The form in Hugging Face peft's files. Without it, core writes the tensors under their own names. */
  readonly files?: MethodFiles<Own>;
}

/** An adapter's values on the host: by target, then by parameter name, in memory order. */
export type TargetValues<Own extends Tensors = Tensors> = {
  readonly target: Target;
  readonly values: { [Name in keyof Own]: Float32Array };
}[];

/** The form of a method in Hugging Face peft's files. */
export interface MethodFiles<Own extends Tensors = Tensors> {
  /** `peft_type`. */
  readonly peftType: string;
  write(targets: TargetValues<Own>): Promise<PeftAdapterFile>;
  /** The method with another library's names; undefined if these targets have no such form. Absent if none ever has. */
  renamed?(names: RenamedTargets): Method | undefined;
  /** The values of an adapter for outputs `[start, end)` of a target, given those for all of its outputs. */
  part?(values: TargetValues<Own>[number], slice: Slice): TargetValues<Own>[number]['values'];
}

/** The targets and saved modules of an adapter in another library's names. */
export interface RenamedTargets {
  /** The new `targets`: last parts of names if they address the same modules, else whole names. */
  readonly targets: readonly string[];
  readonly modulesToSave: readonly string[];
  /** The names of each target: several for the whole of a fused projection. */
  readonly names: readonly { readonly target: Target; readonly names: readonly string[] }[];
}

/** The result of a stage: the method that replaces the adapter's, and its values. */
export interface StageResult {
  readonly method: Method;
  /**
   * New values by path (`blocks.3.mlp.checkpoint.A`), in memory order. Other parameters keep the values of the one with the
   * same path and shape, or are initialized.
   */
  readonly values?: Readonly<Record<string, Float32Array>>;
}

/** A point of a training run at which an adapter is scored and its method replaced: masked, pruned, shared. */
export interface Stage {
  /** A noun for people: `head scoring`. */
  readonly name: string;
  /** The number of epochs before it, in a run of `epochs`; 0 for before the first step. */
  after(epochs: number): number;
  /** The gates of a target. Absent for stages that need only the values. */
  gate?(target: Target, targets: readonly Target[]): GateSpec | undefined;
  /** `batch` unless given. */
  readonly aggregation?: Aggregation;
  /** The number of batches to score; an epoch of them unless given. */
  readonly batches?: number;
  /** Whether a run may end before this stage. */
  readonly optional?: boolean;
  /** The method that replaces the adapter's, given the scores and the adapter's values. */
  next(scores: Scores, values: TargetValues): StageResult;
  /** The method after this stage, restored from the findings in a checkpoint. */
  resume(findings: JsonObject): Method;
}

/** An adapter read from a file: its method, and its values once the targets are known. */
export interface ReadAdapter {
  readonly method: Method;
  /**
   * The values of one target, in memory order. The reader reports missing tensors. If absent, tensors are read under their own
   * paths, as core writes those of methods without `files`.
   */
  values?(target: Target, targets: readonly Target[], reader: TensorReader): Record<string, Float32Array>;
  /** Whether the tensor under this key is a copy of one that several layers share. False unless given. */
  isShared?(key: string): boolean;
}

/** Makes a {@link Method} from options; the main export of a method's package. */
export interface MethodFactory<Given = never, Made extends Method = Method> {
  (options: Given): Made;
  readonly type: string;
  /** Its options by name, for help, lists and forms. */
  readonly options?: Options;
  /** The base method that it makes unless another is given. Folders may hold it too. */
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
