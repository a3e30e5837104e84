import type { FolderFiles } from '@peft/core';
import type { RunRecord } from './record.ts';

/** A checkpoint that a run can go on from. */
export interface StoredCheckpoint {
  readonly bytes: Uint8Array;
  /** Where it is, for people. */
  readonly place: string;
  /** Why each newer one was passed over. */
  readonly passedOver: readonly string[];
}

/** Where a run keeps its checkpoints, its adapter and its record. */
export interface RunStore {
  /** For people. */
  readonly place: string;
  /** Makes sure that this run alone writes there, and that it can. Once claimed, it does nothing until it is released. */
  claim(): Promise<void>;
  release(): Promise<void>;
  /** The newest checkpoint that is whole. */
  findCheckpoint(): Promise<StoredCheckpoint | undefined>;
  /** Keeps a checkpoint, and the one before it until the new one is whole. Returns where it is. */
  saveCheckpoint(bytes: Uint8Array): Promise<string>;
  /** Keeps an adapter folder, all of it or nothing. */
  saveAdapter(files: FolderFiles): Promise<void>;
  /**
   * The record of a run that ended here; nothing if none did.
   *
   * @throws PeftError `bad-file` for one that this version does not read
   */
  readRecord(): Promise<RunRecord | undefined>;
  writeRecord(record: RunRecord): Promise<void>;
}

/** What a run has left in memory. */
export interface MemoryStore extends RunStore {
  /** The files of the adapter, once it is saved: `readAdapterFolder` reads them. */
  readonly adapter: FolderFiles | undefined;
}

/** Keeps a run in memory, for pages and tests. */
export function memoryStore(place = 'memory'): MemoryStore {
  let checkpoint: Uint8Array | undefined;
  let adapter: FolderFiles | undefined;
  let record: string | undefined;
  return {
    place,
    get adapter() {
      return adapter;
    },
    async claim() {},
    async release() {},
    async findCheckpoint() {
      return checkpoint && { bytes: checkpoint, place, passedOver: [] };
    },
    async saveCheckpoint(bytes) {
      checkpoint = bytes;
      return place;
    },
    async saveAdapter(files) {
      adapter = files;
    },
    async readRecord() {
      return record === undefined ? undefined : (JSON.parse(record) as RunRecord);
    },
    async writeRecord(written) {
      record = JSON.stringify(written);
    },
  };
}
