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
  /** Locks the store for this run, and checks that it can be written. Does nothing if this run holds it already. */
  claim(): Promise<void>;
  release(): Promise<void>;
  /** The newest checkpoint that is whole. */
  findCheckpoint(): Promise<StoredCheckpoint | undefined>;
  /** Saves a checkpoint; the one before it stays until the new one is whole. Returns its place. */
  saveCheckpoint(bytes: Uint8Array): Promise<string>;
  /** Saves an adapter folder, as a whole or not at all. */
  saveAdapter(files: FolderFiles): Promise<void>;
  /**
   * The record of a finished run; undefined if there is none.
   *
   * @throws PeftError `bad-file` for a record that this version does not read
   */
  readRecord(): Promise<RunRecord | undefined>;
  writeRecord(record: RunRecord): Promise<void>;
}

/** A store in memory, with what runs have saved. */
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
