import { fold, key, PeftError, quoteSome } from '@peft/core';
import { concat, type Dataset, subset } from '../dataset.ts';
import { defaultSplitSeed, drawShots, stratifiedSplit } from '../split.ts';
import { findSplit } from '../split-name.ts';
import { withoutBroken } from './broken.ts';
import type { ReadOptions } from './picture-files.ts';

/** Something that holds pictures: one body of them, or stored splits. */
export interface Source {
  /** For errors: the path. */
  readonly name: string;
  /** The names of the stored splits; none if there is one body. */
  readonly splits: readonly string[];
  /** Opens a stored split, or the one body as `all`. */
  open(split: string): Promise<Dataset>;
  /** Stored parts of `train` with a few pictures of each class. */
  readonly shots?: StoredShots;
}

export interface StoredShots {
  /** What is stored, for errors. */
  readonly names: readonly string[];
  /** Opens the part with so many pictures of each class and that seed; undefined if it is not stored. */
  open(shots: number, seed: number): Promise<Dataset> | undefined;
}

/** How a split is drawn where it is not stored. */
export interface SplitOptions {
  /** Seeds splits that are drawn; default 42, as in recipes. */
  readonly seed?: number;
  /** The part of each class that `val` takes where it is not stored, in (0, 1). */
  readonly valFraction?: number;
  /** So many pictures of each class: those that are stored for the seed, or drawn by it. All pictures unless given. */
  readonly shots?: number;
}

export interface DatasetOptions extends SplitOptions, ReadOptions {
  /**
   * Decodes every picture of the split on opening and leaves out those that cannot be, named in `leftOut`; default false:
   * the first one that is read ends the reading. The draw of splits is the same either way.
   */
  readonly skipBroken?: boolean;
  /** Fewer classes are refused; default 2. 1 is for evaluation on a part of a model's classes. */
  readonly minClasses?: number;
}

/** The part of each class that `test` takes where nothing is stored, and then the part of the rest that `val` takes. */
const defaultFraction = 0.2;

async function drawn(
  whole: Dataset,
  split: string,
  { seed = defaultSplitSeed, valFraction }: SplitOptions,
): Promise<Dataset> {
  const random = fold(key(seed), 'split');
  const test = stratifiedSplit(whole.labels(), defaultFraction, fold(random, 'test'));
  const name = `${whole.name} (${split}, drawn by seed ${seed})`;
  if (split === 'test') return subset(whole, test.held, name);
  if (split === 'trainval') return subset(whole, test.rest, name);
  return heldOut(subset(whole, test.rest, whole.name), split, seed, valFraction ?? defaultFraction);
}

function heldOut(whole: Dataset, split: string, seed: number, fraction: number): Dataset {
  const { held, rest } = stratifiedSplit(whole.labels(), fraction, fold(fold(key(seed), 'split'), 'val'));
  return subset(whole, split === 'val' ? held : rest, `${whole.name} (${split}, drawn by seed ${seed})`);
}

async function stored(
  source: Source,
  split: string,
  { seed = defaultSplitSeed, valFraction }: SplitOptions,
): Promise<Dataset | undefined> {
  const [train, val, wanted] = ['train', 'val', split].map(name => findSplit(source.splits, name));
  const isHeldOut = valFraction !== undefined && train && !val;
  if (isHeldOut && (split === 'train' || split === 'val')) {
    return heldOut(await source.open(train), split, seed, valFraction);
  }
  if (wanted) return source.open(wanted);
  if (split !== 'trainval' || !train) return undefined;
  const begin = await source.open(train);
  return val ? concat([begin, await source.open(val)], `${source.name} (trainval)`) : begin;
}

/** Why a dataset is of no use; undefined if it is of use. */
function uselessness({ name, size, classes, leftOut = [] }: Dataset, minClasses: number): string | undefined {
  if (size === 0) {
    const [first] = leftOut;
    const reason = first
      ? `; ${leftOut.length} files were left out, as ${first.path}, which ${first.reason}`
      : '; there are too few of each class to split, or the list is empty';
    return `${name} has no pictures${reason}.`;
  }
  if (classes.length >= minClasses) return undefined;
  return classes.length === 1
    ? `${name} has one class only, ${quoteSome(classes)}, so there is nothing to tell apart; add pictures of another.`
    : `${name} has ${classes.length} classes, fewer than minClasses ${minClasses}.`;
}

async function useful(dataset: Dataset, { skipBroken = false, minClasses = 2 }: DatasetOptions): Promise<Dataset> {
  const used = skipBroken ? await withoutBroken(dataset) : dataset;
  const problem = uselessness(used, minClasses);
  if (problem === undefined) return used;
  await used.close?.();
  throw new PeftError('bad-file', problem);
}

/** So many pictures of each class of `dataset`. */
function few(dataset: Dataset, shots: number, seed: number): Dataset {
  const { name, classes } = dataset;
  const drawn = drawShots(dataset.labels(), shots, fold(key(seed), 'shots'));
  const part = subset(dataset, drawn, `${name}, ${shots} of each class, drawn by seed ${seed}`);
  if (part.size === shots * classes.length) return part;
  const labels = part.labels();
  const short = classes.filter((_, label) => labels.filter(other => other === label).length < shots);
  throw new PeftError('bad-argument', `${name} has fewer than ${shots} pictures of ${quoteSome(short)}; lower shots.`);
}

/** The stored part of `train` with so many pictures of each class. */
function storedShots(name: string, stored: StoredShots, shots: number, seed: number): Promise<Dataset> {
  const part = stored.open(shots, seed);
  if (part) return part;
  const hint = `it has ${quoteSome(stored.names)}`;
  throw new PeftError('missing', `${name} has no list of ${shots} shots for seed ${seed}; ${hint}.`);
}

/** All pictures of a split. */
async function allOf(source: Source, split: string, options: SplitOptions): Promise<Dataset> {
  if (source.splits.length > 0) {
    const dataset = await stored(source, split, options);
    if (dataset) return dataset;
    const hint =
      split === 'val' && findSplit(source.splits, 'train') ? '; or give valFraction, to hold out a part of train' : '';
    throw new PeftError(
      'missing',
      `${source.name} has no split "${split}"; it has ${source.splits.join(', ')}${hint}.`,
    );
  }
  if (!['train', 'val', 'trainval', 'test', 'all'].includes(split)) {
    throw new PeftError(
      'missing',
      `${source.name} is not split, so there is no "${split}"; ask for train, val, trainval, test or all.`,
    );
  }
  const whole = await source.open('all');
  return split === 'all' ? whole : drawn(whole, split, options);
}

/** The pictures of one split of a source. */
export async function openSplit(source: Source, split: string, options: DatasetOptions): Promise<Dataset> {
  const { valFraction, shots, seed = defaultSplitSeed } = options;
  if (valFraction !== undefined && !(valFraction > 0 && valFraction < 1)) {
    throw new PeftError('bad-argument', `valFraction is ${valFraction}; it must lie between 0 and 1.`);
  }
  if (shots === undefined) return useful(await allOf(source, split, options), options);
  if (!(Number.isSafeInteger(shots) && shots > 0)) {
    throw new PeftError('bad-argument', `shots is ${shots}; it must be an integer of 1 or more.`);
  }
  if (source.shots && split === 'train')
    return useful(await storedShots(source.name, source.shots, shots, seed), options);
  return useful(few(await allOf(source, split, options), shots, seed), options);
}
