/** The engines that run the work: ours compiled, ours eager on wasm with and without our kernels, and the peers. */
export type Engine =
  | 'onnx'
  | 'wasm'
  | 'stock-wasm'
  | 'plain'
  | 'torch'
  | 'onnxruntime'
  /** Picture files to one batch: ours, and timm with Pillow. */
  | 'files'
  | 'pillow'
  /** An epoch of `onnx` over picture files: read from disk as it goes, and held in memory. */
  | 'epoch-disk'
  | 'epoch-memory';

export type MethodName = 'lora' | 'neat' | 'lily';

/**
 * Ours: frozen weights in 8 bits. PyTorch: the whole model in bfloat16, or its products alone, by `torch.autocast`.
 */
export type Precision = 'int8' | 'bfloat16' | 'autocast';

/** One piece of work that contenders do, each in its own way. Plain data: it goes to child processes as JSON. */
export interface Work {
  /** A name of the zoo. */
  readonly backbone: string;
  readonly batch: number;
  /** One training step (forward, backward, AdamW), or the forward pass in evaluation. */
  readonly phase: 'train' | 'forward';
  /** In use, there but disabled, or not there at all. */
  readonly adapter: 'active' | 'idle' | 'none';
  readonly method: MethodName;
  readonly rank: number;
  /** Names of linear modules, as Python peft matches them. */
  readonly targets: readonly string[];
  /** Side of the pictures, if it is not the backbone's. */
  readonly imageSize?: number;
  /** Float32 unless given. */
  readonly precision?: Precision;
  /** Picture files, of which one run takes all. */
  readonly files?: number;
  /** Blocks of a ViT, if not the backbone's. */
  readonly depth?: number;
}

/** The assignment of a child process: the work, and how to run it. */
export interface Assignment extends Work {
  readonly engine: Engine;
  readonly threads: number;
  /** A safetensors file with timm's names; without it, values are random. */
  readonly weights?: string;
  /** The bare model as ONNX, for `onnxruntime`. */
  readonly exported?: string;
  /** The folder of the picture files. */
  readonly folder?: string;
  /** The same work for PyTorch. */
  readonly torch: TorchModel;
}

export interface TorchModel {
  /** Name and arguments of `timm.create_model`. */
  readonly model: string;
  readonly args: Readonly<Record<string, number>>;
  /** Name and arguments of a configuration class of Hugging Face peft. */
  readonly peft: string;
  readonly config: Readonly<Record<string, unknown>>;
}

/** One run. */
export interface Sample {
  readonly ms: number;
  /** Processor time of all threads of the process. */
  readonly cpuMs: number;
  /** The loss, the first logit, or of pictures the mean square of the last: the same for all contenders that have the same weights. */
  readonly value: number;
}

/** Facts about a contender that has run. */
export interface Facts {
  /** The most memory that its process has held. */
  readonly peakBytes: number;
  /** The time of recording the step, if it is recorded. */
  readonly traceMs?: number;
  /** Trained numbers. */
  readonly trainable?: number;
  /** Size of the adapter as a safetensors file. */
  readonly adapterBytes?: number;
  /** Versions of what it is made of. */
  readonly versions: Readonly<Record<string, string>>;
}

/** A request to a child, one line of JSON on its standard input. It answers on file descriptor 3. */
export type Request =
  | { readonly type: 'open'; readonly assignment: Assignment }
  | { readonly type: 'step' }
  | { readonly type: 'describe' };

export type Reply = { readonly result: unknown } | { readonly error: string };
