export { loadAdapters, openAdapterFolder, saveAdapters } from './adapter-folder.ts';
export { writeAtomic, writeFolderAtomic } from './atomic.ts';
export { type MappedSafetensors, mapSafetensors } from './mapped-safetensors.ts';
export { peakMemory } from './peak-memory.ts';
export { openSafetensors, type SafetensorsFile } from './safetensors-file.ts';
