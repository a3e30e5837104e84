export { type EngineOptions, openEagerEngine, openEngine } from './engine.ts';
export { folderStore } from './folder-store.ts';
export {
  type BackboneUse,
  type Notice,
  type OpenedInputs,
  type OpenOptions,
  openBackboneFor,
  openInputs,
  openPictures,
  type PicturesOf,
  picturesKey,
} from './inputs.ts';
