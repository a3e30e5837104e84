import type { ElementType } from '../onnx/graph.ts';

export type HostArray =
  | Float32Array<ArrayBuffer>
  | Uint16Array<ArrayBuffer>
  | Int32Array<ArrayBuffer>
  | Int8Array<ArrayBuffer>
  | Uint8Array<ArrayBuffer>;

/** Name, type and shape of an input or output of a session. */
export interface TensorSpec {
  readonly name: string;
  readonly type: ElementType;
  readonly shape: readonly number[];
}

/** A value that outlives runs and is shared by all sessions of a runner. */
export interface SlotValue {
  readonly slot: number;
  readonly type: ElementType;
  readonly shape: readonly number[];
  readonly data: HostArray;
}

/** A model, and where its inputs come from and its outputs go. */
export interface SessionPlan {
  readonly model: Uint8Array<ArrayBuffer>;
  /** Inputs that each run is given. */
  readonly inputs: readonly TensorSpec[];
  /** Outputs that each run returns. */
  readonly outputs: readonly TensorSpec[];
  /** Inputs read from slots. */
  readonly reads: readonly { readonly name: string; readonly slot: number }[];
  /** Outputs that become the values of slots. */
  readonly writes: readonly { readonly name: string; readonly slot: number }[];
}

/** Runs models in ONNX Runtime, in this thread or, by messages, in another. It owns the arrays that it is given. */
export interface Runner {
  /** That compute, where it is known. */
  readonly threads?: number;
  put(values: readonly SlotValue[]): Promise<void>;
  /** Copies of the slots' values. */
  get(slots: readonly number[]): Promise<HostArray[]>;
  drop(slots: readonly number[]): Promise<void>;
  load(plan: SessionPlan): Promise<number>;
  run(session: number, feeds: Readonly<Record<string, HostArray>>): Promise<Record<string, HostArray>>;
  unload(session: number): Promise<void>;
  close(): Promise<void>;
}
