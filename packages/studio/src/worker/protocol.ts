import type { FolderFiles } from '@peft/core';
import type { MethodOption, RecipeOptions, RunEvent, RunRecord } from '@peft/run';

/** The backbones that come with the page. */
export type Embedded = 'pico-vit' | 'pico-swin';

/** A backbone: one of the page's own, or a name of the zoo with the user's file of weights. */
export type BackboneChoice =
  | { readonly name: Embedded; readonly file?: undefined }
  | { readonly name: string; readonly file: File };

/** What a picture is for. */
export type Part = 'train' | 'val' | 'test';

/** A picture, by its class's index, with its part where that is not to be drawn. */
export interface LabeledPicture {
  readonly blob: Blob;
  readonly name: string;
  readonly label: number;
  readonly part?: Part;
}

export interface LabeledPictures {
  readonly classes: readonly string[];
  readonly pictures: readonly LabeledPicture[];
}

export interface MethodDescription {
  readonly name: string;
  readonly summary: string;
  readonly paper?: string;
  readonly lr: number;
  readonly options: readonly MethodOption[];
}

/** All that forms are made from. */
export interface Description {
  readonly methods: readonly MethodDescription[];
  readonly recipe: readonly MethodOption[];
}

export interface PlanJob {
  readonly backbone: string;
  readonly classes: number;
  readonly recipe: RecipeOptions;
}

/** A place that can be adapted: a projection, or a slice of one. */
export interface Place {
  readonly id: string;
  readonly label: string;
}

/** A transformer block: what its attention and its MLP hold. */
export interface BlockPlan {
  readonly path: string;
  readonly heads: number | undefined;
  readonly attention: readonly Place[];
  readonly mlp: readonly Place[];
}

export interface AdapterPlacement {
  readonly name: string;
  readonly method: string;
  /** Ids of what it adapts: of a {@link Place}, of a block's part, or of a module besides. */
  readonly targets: readonly string[];
  /** Modules that it trains whole. */
  readonly saved: readonly string[];
}

/** What a recipe would train, counted on the model itself. */
export interface Plan {
  readonly blocks: readonly BlockPlan[];
  readonly adapters: readonly AdapterPlacement[];
  /** Parameters that are trained at first, and after the methods' stages. */
  readonly trainable: number;
  readonly settled: number;
  readonly total: number;
  /** What the adapter takes in a file. */
  readonly bytes: number;
  readonly imageSize: readonly [height: number, width: number];
}

export interface SplitJob {
  readonly pictures: readonly LabeledPicture[];
  readonly seed: number;
}

export interface TrainJob extends LabeledPictures {
  readonly recipe: RecipeOptions;
  readonly backbone: BackboneChoice;
  /** Names its checkpoint. */
  readonly run: string;
  /** `finish` ends the run where it was stopped. */
  readonly from: 'start' | 'checkpoint' | 'finish';
}

/** What comes of training. */
export interface Trained {
  readonly record: RunRecord;
  readonly adapter: FolderFiles;
}

/** What training tells on its way. */
export type TrainingEvent =
  | RunEvent
  | { readonly type: 'engine'; readonly name: string }
  /** For each picture, what it is used for. */
  | { readonly type: 'parts'; readonly parts: readonly Part[] };

/** A trained adapter, for the calls that compute with it. */
export interface TrainedAdapter {
  readonly id: string;
  readonly backbone: BackboneChoice;
  readonly files: FolderFiles;
}

export interface PredictJob {
  readonly adapters: readonly TrainedAdapter[];
  readonly pictures: readonly Blob[];
}

/** Probabilities `[pictures, classes]` of one adapter; those of a picture that cannot be decoded are not numbers. */
export interface Predicted {
  readonly id: string;
  readonly classes: readonly string[];
  readonly probabilities: Float32Array;
  /** How long a picture took, in ms. */
  readonly ms: number;
}

export interface Exported {
  /** Files by path. */
  readonly files: FolderFiles;
  /** What to know about them. */
  readonly notes: readonly string[];
}

/** What a page asks of its worker. Each call is a message, and so is its answer. */
export interface Calls {
  describe(nothing: undefined): Description;
  /** Names of the zoo that a file of weights fits. */
  recognize(file: File): string[];
  plan(job: PlanJob): Plan;
  /** What each picture is for, parts drawn as for training. */
  split(job: SplitJob): readonly Part[];
  /** Digits of MNIST. */
  sample(nothing: undefined): LabeledPictures;
  /** Ends with nothing where it was stopped. */
  train(job: TrainJob): Trained | undefined;
  stop(nothing: undefined): void;
  predict(job: PredictJob): Predicted[];
  exportOnnx(adapter: TrainedAdapter): Exported;
  exportMerged(adapter: TrainedAdapter): Exported;
}

export type CallName = keyof Calls;
export type Argument<Name extends CallName> = Parameters<Calls[Name]>[0];
export type Result<Name extends CallName> = ReturnType<Calls[Name]>;

export interface CallMessage<Name extends CallName = CallName> {
  readonly id: number;
  readonly name: Name;
  readonly argument: Argument<Name>;
}

export type Reply =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly error: string }
  | { readonly id: number; readonly event: TrainingEvent }
  /** Addresses that the worker asked for, beside answers. */
  | { readonly requests: readonly string[] };
