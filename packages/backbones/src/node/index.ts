export { type HubReference, parseHubReference } from '../hub/reference.ts';
export { sha256File } from './hash.ts';
export { type DownloadOptions, downloadModel, isCached } from './hub/model.ts';
export { type OpenBackboneOptions, type OpenedBackbone, openBackbone } from './open.ts';
export { type SaveBackboneOptions, type SavedBackbone, saveBackbone } from './save.ts';
