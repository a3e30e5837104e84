import { bytesPerElement, dims, PeftError, parseSafetensors, quote, toFloat32, toInt32 } from '@peft/core';
import { checkClassNames, maxLabel, numberedClasses, startAtOne } from './classes.ts';
import { type Dataset, noPicture } from './dataset.ts';
import { digestOf } from './dataset-hash.ts';
import { checkMaxPixels, checkPixels, defaultMaxPixels } from './limits.ts';
import { fromGray, type Picture } from './picture.ts';
import { Refused } from './refused.ts';

/** A safetensors file of which parts are read as needed; what `openSafetensors` of `@peft/core/node` gives. */
export interface TensorFile {
  readonly header: ReadonlyMap<string, { readonly dtype: string; readonly shape: readonly number[] }>;
  readonly metadata: Readonly<Record<string, string>>;
  /** Bytes `begin` to `end` of a tensor; all of it if they are left out. */
  read(name: string, begin?: number, end?: number): Promise<Uint8Array>;
  close(): Promise<void>;
}

/** A safetensors file that is wholly in memory, as in a browser. */
export function tensorFileOf(bytes: Uint8Array, name: string): TensorFile {
  const { tensors, metadata } = parseSafetensors(bytes, name);
  return {
    header: tensors,
    metadata,
    read: async (tensor, begin, end) => tensors.get(tensor)!.bytes.subarray(begin, end),
    close: async () => {},
  };
}

/** The first few tensors of a file, for errors. */
function describe({ header }: TensorFile): string {
  const tensors = [...header]
    .slice(0, 8)
    .map(([name, { dtype, shape }]) => `${quote(name).slice(1, -1)} ${dtype} [${shape.slice(0, 8)}]`);
  const more = header.size > tensors.length ? ` and ${header.size - tensors.length} more` : '';
  return tensors.length > 0 ? tensors.join(', ') + more : 'no tensors';
}

/** The class names in a file's metadata, a JSON list under `classes`; undefined if it names none. */
export function classNames({ metadata }: TensorFile, name: string): string[] | undefined {
  if (metadata.classes === undefined) return undefined;
  let names: unknown;
  try {
    names = JSON.parse(metadata.classes);
  } catch {}
  if (!Array.isArray(names) || !names.every(entry => typeof entry === 'string')) {
    throw new PeftError('bad-file', `${name}: metadata "classes" must be a JSON list of strings, as ["cat", "dog"].`);
  }
  checkClassNames(names, name, index => `${name}: metadata "classes"[${index}]`);
  return names;
}

/** The labels of a file, `[N]`, one for each picture. */
export async function fileLabels(file: TensorFile, name: string): Promise<Int32Array> {
  const spanOf = (tensor: 'images' | 'labels') => {
    const span = file.header.get(tensor);
    if (span) return span;
    throw new PeftError(
      'missing',
      `${name} has no tensor "${tensor}"; needed are images and labels, found ${describe(file)}.`,
    );
  };
  const [images, labels] = [spanOf('images'), spanOf('labels')];
  if (!['I64', 'I32', 'U8'].includes(labels.dtype) || labels.shape.length !== 1) {
    throw new PeftError('bad-shape', `${name}: labels must be I64, I32 or U8 of shape [N]; found ${describe(file)}.`);
  }
  if (labels.shape[0] !== images.shape[0]) {
    throw new PeftError(
      'bad-shape',
      `${name} has ${images.shape[0]} images but ${labels.shape[0]} labels; write one each.`,
    );
  }
  const bytes = await file.read('labels');
  try {
    return toInt32({ ...labels, bytes });
  } catch (cause) {
    throw cause instanceof PeftError
      ? new PeftError(cause.code, `${name}: labels: ${cause.message}`, { cause })
      : cause;
  }
}

/** The classes of the labels in one file, or in several that belong together. */
export interface FileClasses {
  readonly names: readonly string[];
  /** Whether `names` are numbers, as no file has any. */
  readonly numbered: boolean;
}

export interface FileLabels {
  readonly source: string;
  readonly labels: Int32Array;
}

/** Throws at the first label that is none of `count` classes. */
function checkLabels({ source, labels }: FileLabels, count: number): void {
  const wrong = labels.findIndex(label => label < 0 || label >= count);
  if (wrong < 0) return;
  const bound =
    count > maxLabel ? `labels are 0 to ${maxLabel}` : `with ${count} classes, labels are 0 to ${count - 1}`;
  throw new PeftError('bad-file', `${source}: labels[${wrong}] is ${labels[wrong]}; ${bound}.`);
}

/**
 * The classes of the labels in files that belong together: as many numbers as they need where `names` is undefined.
 *
 * @throws PeftError for labels that start at 1, and without names for one that is no class number
 */
export function classesOfLabels(files: readonly FileLabels[], names: readonly string[] | undefined): FileClasses {
  const all = files.map(({ labels }) => labels);
  const least = all.reduce((least, labels) => labels.reduce((a, b) => Math.min(a, b), least), Number.POSITIVE_INFINITY);
  const most = all.reduce((most, labels) => labels.reduce((a, b) => Math.max(a, b), most), -1);
  const problem = startAtOne(least, most, names?.length ?? most);
  if (problem) throw new PeftError('bad-file', `${files.map(({ source }) => source).join(', ')}: ${problem}.`);
  if (names) return { names, numbered: false };
  for (const file of files) checkLabels(file, maxLabel + 1);
  return { names: numberedClasses(most + 1), numbered: true };
}

/** Throws unless pictures of this size can be held. */
function checkSize(name: string, height: number, width: number, maxPixels: number): void {
  try {
    checkPixels(width, height, maxPixels);
  } catch (error) {
    throw error instanceof Refused ? error.about(`A picture of ${name}`) : error;
  }
}

/** `[3, H, W]` to `[H, W, 3]`. */
function channelsLast(values: Float32Array, area: number): Float32Array {
  const result = new Float32Array(values.length);
  for (let pixel = 0; pixel < area; pixel++) {
    for (let channel = 0; channel < 3; channel++) result[pixel * 3 + channel] = values[channel * area + pixel]!;
  }
  return result;
}

/** What the classes of a file are, and how large its pictures may be. */
export interface TensorFileOptions {
  /** By default the file's own, or as many numbers as its labels need. */
  readonly classes?: FileClasses;
  /** Pictures of more pixels are refused. */
  readonly maxPixels?: number;
}

/**
 * The pictures of a file with tensors `images` and `labels`, read row by row. `images` is U8 `[N, H, W, 1 or 3]`, raw
 * pictures, or F32 `[N, 3, H, W]`, taken as already preprocessed.
 *
 * @param name of the file, for errors
 */
export async function tensorFileDataset(
  file: TensorFile,
  name: string,
  { classes, maxPixels = defaultMaxPixels }: TensorFileOptions = {},
): Promise<Dataset> {
  checkMaxPixels(maxPixels);
  const labels = await fileLabels(file, name);
  const own = { source: name, labels };
  const { names, numbered } = classes ?? classesOfLabels([own], classNames(file, name));
  checkLabels(own, names.length);
  const { dtype, shape } = file.header.get('images')!;
  const common = {
    name,
    size: labels.length,
    classes: names,
    numbered,
    labels: () => labels,
    close: () => file.close(),
  };
  const row = (index: number, bytes: number): Promise<Uint8Array> => {
    if (index >= 0 && index < labels.length) return file.read('images', index * bytes, (index + 1) * bytes);
    throw noPicture(common, index);
  };
  if (dtype === 'U8' && shape.length === 4 && (shape[3] === 1 || shape[3] === 3)) {
    const [, height, width, channels] = dims({ shape }, 4);
    checkSize(name, height, width, maxPixels);
    const bytes = height * width * channels;
    const digest = async (index: number): Promise<string> => digestOf(await row(index, bytes), bytes);
    const picture = async (index: number): Promise<Picture> => {
      const data = await row(index, bytes);
      return channels === 1 ? fromGray(data, width, height) : { data, width, height };
    };
    return { ...common, picture, digest };
  }
  if (dtype === 'F32' && shape.length === 4 && shape[1] === 3) {
    const [, , height, width] = dims({ shape }, 4);
    checkSize(name, height, width, maxPixels);
    const size = 3 * height * width * bytesPerElement.F32;
    const digest = async (index: number): Promise<string> => digestOf(await row(index, size), size);
    const tensor = async (index: number): Promise<Float32Array> => {
      const bytes = await row(index, size);
      return channelsLast(toFloat32({ dtype, shape: [3, height, width], bytes }), height * width);
    };
    return { ...common, preprocessed: true, height, width, tensor, digest };
  }
  throw new PeftError(
    'bad-shape',
    `${name}: images must be U8 [N, H, W, 1 or 3] (raw) or F32 [N, 3, H, W] (preprocessed); found ${describe(file)}.`,
  );
}
