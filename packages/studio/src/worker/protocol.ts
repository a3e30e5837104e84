import type { BackboneDefinition } from '@peft/backbones';
import type { FolderFiles, Json } from '@peft/core';
import type { MethodOption, RecipeOptions, RunEvent, RunRecord } from '@peft/run';

/** The backbones that come with the page. */
export type Embedded = 'pico-vit' | 'pico-swin';

/** A model of the Hugging Face Hub. */
export interface HubModel {
  /** Where it is from: `hf:owner/name@commit`. */
  readonly source: string;
  readonly definition: BackboneDefinition;
}

/** A backbone: one of the page's own, a name of the zoo with the user's file of weights, or a model of the Hub with its own. */
export type BackboneChoice =
  | { readonly name: Embedded; readonly file?: undefined; readonly hub?: undefined }
  | { readonly name: string; readonly file: File; readonly hub?: HubModel };

/** What computes: the faster, found by timing, or one that the user names. */
export type EngineChoice = 'timed' | 'webgpu' | 'wasm';

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
  /** A name of the zoo, or what a model of the Hub is. */
  readonly backbone: string | BackboneDefinition;
  readonly classes: number;
  readonly recipe: RecipeOptions;
}

/** A place that can be adapted: a projection, or a slice of one. */
export interface Place {
  readonly id: string;
  readonly label: string;
  /** The whole that it is a slice of: `blocks.0.attn.qkv`. */
  readonly of?: string;
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
  readonly engine: EngineChoice;
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
  /** What computes, and why, in a sentence. */
  | { readonly type: 'engine'; readonly name: string; readonly reason: string }
  /** For each picture, what it is used for. */
  | { readonly type: 'parts'; readonly parts: readonly Part[] };

/** Tells how much of a file is here. */
export interface ReceivedEvent {
  readonly type: 'received';
  readonly bytes: number;
}

/** A model that is asked for at the Hub, by `owner/name[@revision]`. */
export interface HubQuestion {
  /** The address of the Hub. */
  readonly endpoint: string;
  readonly model: string;
}

/** A model of the Hub, as it is known before its weights are downloaded. */
export interface FoundModel {
  readonly name: string;
  readonly commit: string;
  /** Of the weights' file, in bytes. */
  readonly size: number;
  /** Of that file, in hexadecimal. */
  readonly sha256?: string;
  /** `config.json`. */
  readonly config: Json;
  /** `preprocessor_config.json`. */
  readonly processor?: Json;
  /** The JSON at the start of the weights' file. */
  readonly header: Uint8Array;
  /** How many bytes of that file are here. */
  readonly received: number;
}

export interface DescribedModel {
  /** The architecture's name. */
  readonly name: string;
  readonly hub: HubModel;
  readonly parameters: number;
  /** What it takes while it is used, in bytes, pictures and steps not counted. */
  readonly memory: number;
}

export interface HubDownload {
  readonly endpoint: string;
  readonly model: FoundModel;
}

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

/** One picture, and the adapter to look at it with. */
export interface LookJob {
  readonly adapter: TrainedAdapter;
  readonly picture: Blob;
}

/**
 * How much the class token of a backbone attends to each token of one picture, in each block and head, by the frozen model and with an
 * adapter: `[depth, heads, tokens]`, first the tokens before the patches, then the patches row by row.
 */
export interface Attention {
  /** The picture as the model sees it. */
  readonly picture: Blob;
  /** Rows and columns of patches. */
  readonly grid: readonly [rows: number, columns: number];
  readonly depth: number;
  readonly heads: number;
  /** How many tokens stand before the patches: the class token, and what else. */
  readonly others: number;
  readonly frozen: Float32Array;
  readonly adapted: Float32Array;
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
  /** Says why if the backbone has no such attention. */
  attention(job: LookJob): Attention | { readonly missing: string };
  exportOnnx(adapter: TrainedAdapter): Exported;
  exportMerged(adapter: TrainedAdapter): Exported;
  describeModel(model: FoundModel): DescribedModel;
  /** Of the one worker that may ask the Hub, as is the next. */
  findModel(question: HubQuestion): FoundModel;
  downloadModel(job: HubDownload): File;
}

export type CallName = keyof Calls;
export type Argument<Name extends CallName> = Parameters<Calls[Name]>[0];
export type Result<Name extends CallName> = ReturnType<Calls[Name]>;
/** What a call tells on its way. */
export type CallEvent = TrainingEvent | ReceivedEvent;
export type EventOf<Name extends CallName> = Name extends 'train'
  ? TrainingEvent
  : Name extends 'downloadModel'
    ? ReceivedEvent
    : never;

export interface CallMessage<Name extends CallName = CallName> {
  readonly id: number;
  readonly name: Name;
  readonly argument: Argument<Name>;
}

export type Reply =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly error: string }
  | { readonly id: number; readonly event: CallEvent }
  /** Addresses that the worker asked for, beside answers. */
  | { readonly requests: readonly string[] };
