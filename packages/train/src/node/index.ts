export { type FoundCheckpoint, findCheckpoint, saveCheckpoint } from './checkpoints.ts';
