import type { Dataset, Picture } from '../src/index.ts';

export async function pictureAt(dataset: Dataset, index: number): Promise<Picture> {
  if (dataset.preprocessed) throw new Error('It has tensors.');
  return dataset.picture(index);
}

/** The red of each picture, which says which one it is. */
export const reds = (dataset: Dataset): Promise<number[]> =>
  Promise.all(Array.from({ length: dataset.size }, async (_, i) => (await pictureAt(dataset, i)).data[0]));
