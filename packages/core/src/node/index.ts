export { loadAdapters, openAdapterFolder, saveAdapters } from './adapter-folder.ts';
export { writeAtomic } from './atomic.ts';
export { writeFolderAtomic } from './atomic-folder.ts';
export { type FolderLock, lockFolder } from './folder-lock.ts';
export { type MappedSafetensors, mapSafetensors } from './mapped-safetensors.ts';
export { peakMemory } from './peak-memory.ts';
export { probeWritable } from './probe.ts';
export { readIfThere, readRegular } from './read.ts';
export { openSafetensors, type SafetensorsFile } from './safetensors-file.ts';
