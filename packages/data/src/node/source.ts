import { fold, key, PeftError } from '@peft/core';
import { concat, type Dataset, subset } from '../dataset.ts';
import { stratifiedSplit } from '../split.ts';

/** Something that holds pictures: one body of them, or stored splits. */
export interface Source {
  /** For errors: the path. */
  readonly name: string;
  /** The names of the stored splits; none if there is one body. */
  readonly splits: readonly string[];
  /** Opens a stored split, or the one body as `all`. */
  open(split: string): Promise<Dataset>;
}

export interface SplitOptions {
  /** Of the split, where one is drawn; default 0. */
  readonly seed?: number;
  /** The part of each class that `val` takes where it is not stored, in (0, 1). */
  readonly valFraction?: number;
}

/** The part of each class that `test` takes where nothing is stored, and then the part of the rest that `val` takes. */
const defaultFraction = 0.2;

async function drawn(whole: Dataset, split: string, { seed = 0, valFraction }: SplitOptions): Promise<Dataset> {
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
  { seed = 0, valFraction }: SplitOptions,
): Promise<Dataset | undefined> {
  const has = (name: string): boolean => source.splits.includes(name);
  const held = valFraction !== undefined && has('train') && !has('val');
  if (held && (split === 'train' || split === 'val')) {
    return heldOut(await source.open('train'), split, seed, valFraction);
  }
  if (has(split)) return source.open(split);
  if (split !== 'trainval' || !has('train')) return undefined;
  const train = await source.open('train');
  return has('val') ? concat([train, await source.open('val')], `${source.name} (trainval)`) : train;
}

async function nonEmpty(dataset: Dataset): Promise<Dataset> {
  if (dataset.size > 0) return dataset;
  await dataset.close?.();
  throw new PeftError(
    'bad-file',
    `${dataset.name} has no pictures; there are too few of each class to split, or the list is empty.`,
  );
}

/** The pictures of one split of a source. */
export async function openSplit(source: Source, split: string, options: SplitOptions): Promise<Dataset> {
  const { valFraction } = options;
  if (valFraction !== undefined && !(valFraction > 0 && valFraction < 1)) {
    throw new PeftError('bad-argument', `valFraction is ${valFraction}; it must lie between 0 and 1.`);
  }
  if (source.splits.length > 0) {
    const dataset = await stored(source, split, options);
    if (dataset) return nonEmpty(dataset);
    const hint =
      split === 'val' && source.splits.includes('train') ? '; or give valFraction, to hold out part of train' : '';
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
  return nonEmpty(split === 'all' ? whole : await drawn(whole, split, options));
}
