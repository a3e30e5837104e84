import { type MemoryStore, memoryStore } from '@peft/run';
import { read, remove, write } from '../files/storage.ts';
import { messageOf } from '../message-of.ts';

/**
 * Keeps a run's checkpoint in the browser's storage, so that it survives a reload, and in memory where the storage is full.
 *
 * @param notice told once that it cannot be stored
 */
export function browserStore(run: string, notice: (text: string) => void): MemoryStore {
  const memory = memoryStore('this browser');
  let isFull = false;
  return {
    ...memory,
    get adapter() {
      return memory.adapter;
    },
    async findCheckpoint() {
      const stored = await read('checkpoints', run).catch(() => undefined);
      return stored ? { bytes: stored, place: memory.place, passedOver: [] } : memory.findCheckpoint();
    },
    async saveCheckpoint(bytes) {
      const place = await memory.saveCheckpoint(bytes);
      if (isFull) return place;
      try {
        await write('checkpoints', run, bytes);
      } catch (error) {
        isFull = true;
        const reason = messageOf(error);
        notice(`The checkpoint is kept in memory alone, and does not survive a reload: ${reason}`);
      }
      return place;
    },
    async writeRecord(record) {
      await memory.writeRecord(record);
      await remove('checkpoints', run);
    },
  };
}
