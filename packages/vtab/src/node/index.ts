export { type FoundFewShot, findFewShot } from './find-few-shot.ts';
export { type FoundTask, type FoundTasks, findTasks } from './find-tasks.ts';
export { addResult, type EntryKind, readResults } from './results-file.ts';
