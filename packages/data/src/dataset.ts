import { PeftError } from '@peft/core';
import { sameNames } from './classes.ts';
import type { Picture } from './picture.ts';

/** A file or folder that is not used, and why: `path reason`. */
export interface LeftOut {
  readonly path: string;
  /** As "is a pipe, a socket or a device" or "cannot be decoded: its data ends early". */
  readonly reason: string;
}

interface Labeled {
  /** For people: where the pictures come from, and which of them these are. */
  readonly name: string;
  readonly size: number;
  /** Class names; a label is an index into them. */
  readonly classes: readonly string[];
  /** Whether nothing gave the classes names, so that `classes` are their numbers, `0`, `1`, ...; default false. */
  readonly numbered?: boolean;
  /** What was found beside the pictures and is not used. Litter of desktops is not among it. */
  readonly leftOut?: readonly LeftOut[];
  /** The class of each picture, `[size]`. At hand from the start: nothing is read, and the caller does not change it. */
  labels(): Int32Array;
  /** The same text for the same picture, wherever it lies, and another for another. Nothing is decoded. */
  digest?(index: number): Promise<string>;
  /** Lets go of open files. Nothing can be read afterwards. */
  close?(): Promise<void>;
}

/** Labeled pictures in any order: only those asked for are read. */
export interface PictureDataset extends Labeled {
  readonly preprocessed?: false;
  picture(index: number): Promise<Picture>;
  /** Decodes a picture to see whether it can be: why not, or undefined if all is well. */
  inspect?(index: number): Promise<LeftOut | undefined>;
}

/** Labeled pictures that somebody has preprocessed already; transforms do not apply to them. */
export interface TensorDataset extends Labeled {
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
  const { digest: of } = dataset;
  const digest = of && ((index: number) => of(indices[index]));
  const changed = { name, size: indices.length, labels: () => labels, digest };
  if (dataset.preprocessed)
    return { ...dataset, ...changed, tensor: (index: number) => dataset.tensor(indices[index]) };
  const inspect = async (index: number): Promise<LeftOut | undefined> => dataset.inspect?.(indices[index]);
  return { ...dataset, ...changed, picture: (index: number) => dataset.picture(indices[index]), inspect };
}

/** One dataset after another; they must have the same classes and be of one kind. Closing it closes all. */
export function concat(datasets: readonly Dataset[], name: string): Dataset {
  const [first] = datasets;
  for (const other of datasets) {
    const differs = !sameNames(other.classes, first.classes)
      ? 'other classes'
      : Boolean(other.preprocessed) !== Boolean(first.preprocessed)
        ? 'pictures where the first has tensors, or the reverse'
        : undefined;
    if (differs)
      throw new PeftError('bad-argument', `${other.name} has ${differs} than ${first.name}; they do not join.`);
  }
  const digest = (index: number): Promise<string> => {
    const [{ digest: of }, offset] = at(datasets, index);
    return of!(offset);
  };
  const labels = Int32Array.from(datasets.flatMap(dataset => [...dataset.labels()]));
  const common = {
    name,
    size: labels.length,
    classes: first.classes,
    numbered: first.numbered,
    leftOut: datasets.flatMap(dataset => dataset.leftOut ?? []),
    labels: () => labels,
    digest: datasets.every(({ digest }) => digest) ? digest : undefined,
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
  const inspect = async (index: number): Promise<LeftOut | undefined> => {
    const [part, offset] = at(parts, index);
    return part.inspect?.(offset);
  };
  return { ...common, picture, inspect };
}
