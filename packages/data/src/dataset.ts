import { PeftError } from '@peft/core';
import type { Picture } from './picture.ts';

interface Labelled {
  /** For people: where the pictures come from, and which of them these are. */
  readonly name: string;
  readonly size: number;
  /** Class names; a label is an index into them. */
  readonly classes: readonly string[];
  /** The class of each picture, `[size]`. At hand from the start: nothing is read, and the caller does not change it. */
  labels(): Int32Array;
  /** Lets go of open files. Nothing can be read afterwards. */
  close?(): Promise<void>;
}

/** Labelled pictures in any order: only those asked for are read. */
export interface PictureDataset extends Labelled {
  readonly preprocessed?: false;
  picture(index: number): Promise<Picture>;
}

/** Labelled pictures that somebody has preprocessed already; transforms do not apply to them. */
export interface TensorDataset extends Labelled {
  readonly preprocessed: true;
  readonly height: number;
  readonly width: number;
  /** `[height, width, 3]`, as the backbone reads it. */
  tensor(index: number): Promise<Float32Array>;
}

export type Dataset = PictureDataset | TensorDataset;

/** The pictures of `dataset` at `indices`, in that order, under another name. Closing it closes `dataset`. */
export function subset(dataset: Dataset, indices: Int32Array, name: string): Dataset {
  const all = dataset.labels();
  const labels = indices.map(index => all[index]);
  const changed = { name, size: indices.length, labels: () => labels };
  if (dataset.preprocessed)
    return { ...dataset, ...changed, tensor: (index: number) => dataset.tensor(indices[index]) };
  return { ...dataset, ...changed, picture: (index: number) => dataset.picture(indices[index]) };
}

/** One dataset after another; they must have the same classes and be of one kind. Closing it closes all. */
export function concat(datasets: readonly Dataset[], name: string): Dataset {
  const [first] = datasets;
  for (const other of datasets) {
    const differs =
      other.classes.join('\n') !== first.classes.join('\n')
        ? 'other classes'
        : Boolean(other.preprocessed) !== Boolean(first.preprocessed)
          ? 'pictures where the first has tensors, or the reverse'
          : undefined;
    if (differs)
      throw new PeftError('bad-argument', `${other.name} has ${differs} than ${first.name}; they do not join.`);
  }
  const labels = Int32Array.from(datasets.flatMap(dataset => [...dataset.labels()]));
  const common = {
    name,
    size: labels.length,
    classes: first.classes,
    labels: () => labels,
    close: async () => void (await Promise.all(datasets.map(dataset => dataset.close?.()))),
  };
  const at = <D extends Dataset>(parts: readonly D[], index: number): [D, number] => {
    let offset = index;
    const part = parts.find(dataset => {
      if (offset < dataset.size) return true;
      offset -= dataset.size;
      return false;
    });
    if (!part) throw new PeftError('bad-argument', `${name}: picture ${index} was asked for, of ${labels.length}.`);
    return [part, offset];
  };
  if (first.preprocessed) {
    const parts = datasets.filter(dataset => dataset.preprocessed === true);
    const tensor = (index: number): Promise<Float32Array> => {
      const [part, offset] = at(parts, index);
      return part.tensor(offset);
    };
    return { ...common, preprocessed: true, height: first.height, width: first.width, tensor };
  }
  const parts = datasets.filter(dataset => !dataset.preprocessed);
  const picture = (index: number): Promise<Picture> => {
    const [part, offset] = at(parts, index);
    return part.picture(offset);
  };
  return { ...common, picture };
}
