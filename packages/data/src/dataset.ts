import { PeftError } from '@peft/core';
import { sameNames } from './classes.ts';
import type { Picture } from './picture.ts';
import type { TransformRecipe } from './transform.ts';

/** A file or folder that is not used, and why: `path reason`. */
export interface LeftOut {
  readonly path: string;
  /** For example "is a pipe, a socket or a device" or "cannot be decoded: its data ends early". */
  readonly reason: string;
}

/** The name, size, classes and labels of a dataset. */
export interface Labeled {
  /** For messages: the source of the pictures, and the split. */
  readonly name: string;
  readonly size: number;
  /** Class names; a label is an index into them. */
  readonly classes: readonly string[];
  /** Whether the classes have no names, so that `classes` are their numbers `0`, `1`, ...; default false. */
  readonly numbered?: boolean;
  /** Files beside the pictures that are not used, without litter such as `.DS_Store`. */
  readonly leftOut?: readonly LeftOut[];
  /** The class of each picture, `[size]`, without reading any. Do not change the array. */
  labels(): Int32Array;
  /** Identifies a picture by its content, without decoding it. */
  digest?(index: number): Promise<string>;
  /** Closes open files. Nothing can be read afterwards. */
  close?(): Promise<void>;
}

/** What a picture is made into in another thread. */
export interface Preparation {
  readonly recipe: TransformRecipe;
  /** The index that the transform draws by. */
  readonly index: number;
}

/** Labeled pictures with random access: a picture is read when it is asked for. */
export interface PictureDataset extends Labeled {
  readonly preprocessed?: false;
  picture(index: number): Promise<Picture>;
  /**
   * Reads and transforms a picture in another thread, to `[height, width, 3]`: the same as `picture` and then the transform.
   * Where `picture` is changed, this must be too, or left out.
   */
  prepared?(index: number, preparation: Preparation): Promise<Float32Array>;
  /** Tries to decode a picture. Returns what is wrong, or undefined. */
  inspect?(index: number): Promise<LeftOut | undefined>;
}

/** Labeled pictures that are preprocessed already; no transform is applied. */
export interface TensorDataset extends Labeled {
  readonly preprocessed: true;
  readonly height: number;
  readonly width: number;
  /** `[height, width, 3]`, as the backbone reads it. */
  tensor(index: number): Promise<Float32Array>;
}

export type Dataset = PictureDataset | TensorDataset;

/** The error where a picture is asked for that a dataset does not have. */
export const noPicture = ({ name, size }: Pick<Dataset, 'name' | 'size'>, index: number): PeftError =>
  new PeftError('bad-argument', `${name}: picture ${index} was asked for, of ${size}.`);

/**
 * The pictures of `dataset` at `indices`, in that order, under another name. Closing it closes `dataset`.
 *
 * @throws PeftError `bad-argument` for an index that is not one of its pictures
 */
export function subset(dataset: Dataset, indices: Int32Array, name: string): Dataset {
  const all = dataset.labels();
  const labels = indices.map(index => {
    const label = all[index];
    if (label === undefined) throw noPicture(dataset, index);
    return label;
  });
  const at = (index: number): number => {
    const own = indices[index];
    if (own === undefined) throw noPicture({ name, size: indices.length }, index);
    return own;
  };
  const { digest: of } = dataset;
  const digest = of && (async (index: number) => of(at(index)));
  const changed = { name, size: indices.length, labels: () => labels, digest };
  if (dataset.preprocessed)
    return { ...dataset, ...changed, tensor: async (index: number) => dataset.tensor(at(index)) };
  const inspect = async (index: number): Promise<LeftOut | undefined> => dataset.inspect?.(at(index));
  const { prepared: preparedOf } = dataset;
  const prepared = preparedOf && (async (index: number, how: Preparation) => preparedOf(at(index), how));
  const picture = async (index: number): Promise<Picture> => dataset.picture(at(index));
  return { ...dataset, ...changed, picture, prepared, inspect };
}

/** One dataset after another; they must have the same classes and be of one kind. Closing it closes all. */
export function concat(datasets: readonly Dataset[], name: string): Dataset {
  const [first] = datasets;
  if (!first) throw new PeftError('bad-argument', `${name}: there are no datasets to join.`);
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
    if (!part) throw noPicture({ name, size: labels.length }, index);
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
  const prepared = (index: number, how: Preparation): Promise<Float32Array> => {
    const [part, offset] = at(parts, index);
    return part.prepared!(offset, how);
  };
  const inspect = async (index: number): Promise<LeftOut | undefined> => {
    const [part, offset] = at(parts, index);
    return part.inspect?.(offset);
  };
  return { ...common, picture, inspect, prepared: parts.every(part => part.prepared) ? prepared : undefined };
}
