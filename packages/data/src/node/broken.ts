import { type Dataset, type LeftOut, subset } from '../dataset.ts';

/** The number of pictures that are decoded concurrently. */
const readers = 4;

/**
 * The dataset without the pictures that cannot be decoded, which `leftOut` names. Every picture is decoded once. The others
 * keep their order, and the split that they were drawn into.
 */
export async function withoutBroken(dataset: Dataset): Promise<Dataset> {
  if (dataset.preprocessed || !dataset.inspect) return dataset;
  const found: (LeftOut | undefined)[] = Array.from({ length: dataset.size });
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < dataset.size) {
      const index = next++;
      found[index] = await dataset.inspect?.(index);
    }
  };
  await Promise.all(Array.from({ length: readers }, work));
  const broken = found.filter(problem => problem !== undefined);
  if (broken.length === 0) return dataset;
  const whole = Int32Array.from(found.keys()).filter(index => found[index] === undefined);
  return { ...subset(dataset, whole, dataset.name), leftOut: [...(dataset.leftOut ?? []), ...broken] };
}
