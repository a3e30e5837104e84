import type { ElementType } from '../onnx/graph.ts';

export type HostArray =
  | Float32Array<ArrayBuffer>
  | Uint16Array<ArrayBuffer>
  | Int32Array<ArrayBuffer>
  | Uint8Array<ArrayBuffer>;

/** Name, type and shape of what goes into a session or comes out. */
export interface TensorSpec {
  readonly name: string;
  readonly type: ElementType;
  readonly shape: readonly number[];
}

/** A value that outlives runs, shared by all sessions of a runner. */
export interface SlotValue {
  readonly slot: number;
  readonly type: ElementType;
  readonly shape: readonly number[];
  readonly data: HostArray;
}

/** A model, and where each of its inputs and outputs is. */
export interface SessionPlan {
  readonly model: Uint8Array<ArrayBuffer>;
  /** Inputs given to each run. */
  readonly inputs: readonly TensorSpec[];
  /** Outputs given back by each run. */
  readonly outputs: readonly TensorSpec[];
  /** Inputs read from slots. */
  readonly reads: readonly { readonly name: string; readonly slot: number }[];
  /** Outputs that are the slots' values after the run. */
  readonly writes: readonly { readonly name: string; readonly slot: number }[];
}

/** Runs models: ONNX Runtime in this thread, or behind messages in another. Arrays given to it are its own. */
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
