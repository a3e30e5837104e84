export { type Accuracies, type Averages, averagesOf, inOrder } from './averages.ts';
export { type Evaluation, type VtabEntry, vtabEntries } from './entry.ts';
export * from './few-shot/index.ts';
export { evaluateEvery, type Protocol, protocolNames, vtabRecipe } from './protocol.ts';
export { type PublishedRow, published } from './published.ts';
export { type Cell, type MethodRow, summarize } from './summary.ts';
export { type Line, latexTable, markdownTable, type Report, type Table, tableOf } from './tables.ts';
export { type Group, groups, type Task, taskOf, tasks } from './tasks.ts';
