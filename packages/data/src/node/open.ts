import { PeftError } from '@peft/core';
import type { Dataset } from '../dataset.ts';
import { checkMaxPixels, defaultMaxPixels } from '../limits.ts';
import { annotationLists, fewShotFolder } from './few-shot-folder.ts';
import { kindOf } from './files.ts';
import { imageFolder } from './image-folder.ts';
import { listFolder, listStems } from './list-folder.ts';
import { mnist } from './mnist.ts';
import { type DatasetOptions, openSplit, type Source } from './source.ts';
import { tensorFiles, tensorFilesNamed } from './tensor-files.ts';

async function recognize(
  spec: string,
  split: string,
  { maxPixels = defaultMaxPixels, workers }: DatasetOptions,
): Promise<Source> {
  checkMaxPixels(maxPixels);
  const kind = await kindOf(spec);
  if (kind === 'folder') {
    const lists = await listStems(spec);
    if (lists.length > 0) return listFolder(spec, lists, { maxPixels, workers });
    const annotations = await annotationLists(spec);
    return annotations.length > 0
      ? fewShotFolder(spec, annotations, { maxPixels, workers })
      : imageFolder(spec, { maxPixels, workers });
  }
  if (kind === 'file') {
    if (spec.endsWith('.safetensors')) return tensorFiles(spec, split, { maxPixels });
    throw new PeftError(
      'not-supported',
      `${spec} is a file, but not a .safetensors file; give one, or a folder of pictures.`,
    );
  }
  if (kind === 'other') {
    throw new PeftError('bad-file', `${spec} is a pipe, a socket or a device; give a folder or a .safetensors file.`);
  }
  const named = spec === 'mnist' ? mnist() : await tensorFilesNamed(spec, split, { maxPixels });
  if (named) return named;
  throw new PeftError('missing', `${spec} does not exist; give a folder of pictures, a .safetensors file, or mnist.`);
}

/**
 * Opens labeled pictures of whatever kind.
 *
 * @param spec one of
 * - a folder `train/CLASS/*.jpg` with `val` and `test` beside `train`, or `CLASS/*.jpg`;
 * - a VTAB-1K folder: `train800.txt`, `val200.txt`, `train800val200.txt`, `test.txt` of lines `path label`;
 * - a few-shot folder of NOAH: `annotations/train_meta.list.num_shot_K.seed_S`, `val_meta.list` and `test_meta.list`;
 * - a safetensors file with `images` and `labels`; `X.train.safetensors` stands for all `X.*.safetensors`, as does `X`;
 * - `mnist`: 1,000 + 500 digits, which `@peft/pico` holds.
 * @param split `train`, `val`, `trainval`, `test`, or a split that is stored under another name; `Training`, `valid` and
 * other usual names stand for these as well. What is stored is given as it is; where only `train` is, `valFraction` takes `val`
 * out of it. What is not split at all is split by seed, class by class: a fifth is `test`, and of the rest a fifth (or
 * `valFraction`) is `val`; `all` is everything. `shots` takes so many pictures of each class of the split: those that a few-shot
 * folder lists for the seed, or a draw by the seed.
 * @returns the pictures. `leftOut` names what was found beside them and is not used; `remarks` puts it in words.
 * @throws PeftError that names the file and says what to do. A picture that cannot be decoded is found when it is read, or
 * left out with `skipBroken`.
 */
export async function openDataset(spec: string, split: string, options: DatasetOptions = {}): Promise<Dataset> {
  return openSplit(await recognize(spec, split, options), split, options);
}
