export { type FewShotDataset, fewShotDatasets } from './datasets.ts';
export { type FewShotEntry, fewShotEntries } from './entry.ts';
export { fewShotRecipe, fewShotSeeds, shotCounts } from './protocol.ts';
export { type FewShotRow, fewShotLatex, fewShotMarkdown, fewShotTable, summarizeFewShot } from './summary.ts';
