export { config, processor, single, wantedFiles } from './layout.ts';
export { isCommit } from './names.ts';
export { checkReference, type HubReference, parseHubReference } from './reference.ts';
export {
  filePath,
  type HubBlob,
  type HubFile,
  maxJsonSize,
  parseRevision,
  type Revision,
  revisionPath,
} from './revision.ts';
