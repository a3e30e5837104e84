/** A data set of the few-shot benchmark. */
export interface FewShotDataset {
  /** The name of its folder, as NOAH's code has it. */
  readonly name: string;
  readonly classes: number;
}

/** The five data sets of fine-grained recognition, as NOAH (Zhang et al. 2022, arXiv 2206.04673) chose them. */
export const fewShotDatasets: readonly FewShotDataset[] = [
  { name: 'food-101', classes: 101 },
  { name: 'oxford_pets', classes: 37 },
  { name: 'stanford_cars', classes: 196 },
  { name: 'oxford_flowers', classes: 102 },
  { name: 'fgvc_aircraft', classes: 100 },
];
