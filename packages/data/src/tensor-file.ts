import { bytesPerElement, PeftError, parseSafetensors, type StoredDtype, toFloat32, toInt32 } from '@peft/core';
import type { Dataset } from './dataset.ts';
import { fromGrey, type Picture } from './picture.ts';

/** A safetensors file of which parts are read as needed; what `openSafetensors` of `@peft/core/node` gives. */
export interface TensorFile {
  readonly header: ReadonlyMap<string, { readonly dtype: StoredDtype; readonly shape: readonly number[] }>;
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

const describe = (file: TensorFile): string =>
  [...file.header].map(([tensor, { dtype, shape }]) => `${tensor} ${dtype} [${shape}]`).join(', ') || 'no tensors';

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
  return names;
}

/** The labels of a file, `[N]`, one for each picture. */
export async function fileLabels(file: TensorFile, name: string): Promise<Int32Array> {
  const [images, labels] = ['images', 'labels'].map(tensor => {
    const span = file.header.get(tensor);
    if (span) return span;
    throw new PeftError(
      'missing',
      `${name} has no tensor "${tensor}"; needed are images and labels, found ${describe(file)}.`,
    );
  });
  if (!['I64', 'I32', 'U8'].includes(labels.dtype) || labels.shape.length !== 1) {
    throw new PeftError('bad-shape', `${name}: labels must be I64, I32 or U8 of shape [N]; found ${describe(file)}.`);
  }
  if (labels.shape[0] !== images.shape[0]) {
    throw new PeftError(
      'bad-shape',
      `${name} has ${images.shape[0]} images but ${labels.shape[0]} labels; write one each.`,
    );
  }
  return toInt32({ ...labels, bytes: await file.read('labels') });
}

/** `0`, `1`, ... for labels without names. */
export const numberedClasses = (count: number): string[] => Array.from({ length: count }, (_, label) => String(label));

/** `[3, H, W]` to `[H, W, 3]`. */
function channelsLast(values: Float32Array, area: number): Float32Array {
  const result = new Float32Array(values.length);
  for (let pixel = 0; pixel < area; pixel++) {
    for (let channel = 0; channel < 3; channel++) result[pixel * 3 + channel] = values[channel * area + pixel];
  }
  return result;
}

/**
 * The pictures of a file with tensors `images` and `labels`, read row by row. `images` is U8 `[N, H, W, 1 or 3]`, raw
 * pictures, or F32 `[N, 3, H, W]`, taken as already preprocessed.
 *
 * @param name of the file, for errors
 * @param classes by default the file's own, or as many numbers as its labels need
 */
export async function tensorFileDataset(file: TensorFile, name: string, classes?: readonly string[]): Promise<Dataset> {
  const labels = await fileLabels(file, name);
  const most = labels.reduce((a, b) => Math.max(a, b), -1);
  const names = classes ?? classNames(file, name) ?? numberedClasses(most + 1);
  const wrong = labels.findIndex(label => label < 0 || label >= names.length);
  if (wrong >= 0) {
    throw new PeftError(
      'bad-file',
      `${name}: labels[${wrong}] is ${labels[wrong]}; with ${names.length} classes, labels are 0 to ${names.length - 1}.`,
    );
  }
  const { dtype, shape } = file.header.get('images')!;
  const common = { name, size: labels.length, classes: names, labels: () => labels, close: () => file.close() };
  const row = (index: number, bytes: number): Promise<Uint8Array> => {
    if (index >= 0 && index < labels.length) return file.read('images', index * bytes, (index + 1) * bytes);
    throw new PeftError('bad-argument', `${name}: picture ${index} was asked for, of ${labels.length}.`);
  };
  if (dtype === 'U8' && shape.length === 4 && (shape[3] === 1 || shape[3] === 3)) {
    const [, height, width, channels] = shape;
    const picture = async (index: number): Promise<Picture> => {
      const data = await row(index, height * width * channels);
      return channels === 1 ? fromGrey(data, width, height) : { data, width, height };
    };
    return { ...common, picture };
  }
  if (dtype === 'F32' && shape.length === 4 && shape[1] === 3) {
    const [, , height, width] = shape;
    const tensor = async (index: number): Promise<Float32Array> => {
      const bytes = await row(index, 3 * height * width * bytesPerElement.F32);
      return channelsLast(toFloat32({ dtype, shape: [3, height, width], bytes }), height * width);
    };
    return { ...common, preprocessed: true, height, width, tensor };
  }
  throw new PeftError(
    'bad-shape',
    `${name}: images must be U8 [N, H, W, 1 or 3] (raw) or F32 [N, 3, H, W] (preprocessed); found ${describe(file)}.`,
  );
}
