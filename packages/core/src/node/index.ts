export { loadAdapters, openAdapterFolder, saveAdapters } from './adapter-folder.ts';
export { writeAtomic, writeFolderAtomic } from './atomic.ts';
export { openSafetensors, type SafetensorsFile } from './safetensors-file.ts';
