export { type FoundTask, type FoundTasks, findTasks } from './find-tasks.ts';
export { addResult, readResults } from './results-file.ts';
