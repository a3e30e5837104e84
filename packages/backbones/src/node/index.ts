export { sha256File } from './hash.ts';
export { downloadModel, type HubReference, parseHubReference } from './hub.ts';
export { type OpenBackboneOptions, type OpenedBackbone, openBackbone } from './open.ts';
