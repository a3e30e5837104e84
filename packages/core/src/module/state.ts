import { PeftError } from '../errors.ts';
import { fromFloat32, isReadable, toFloat32 } from '../files/dtype.ts';
import type { StoredTensor } from '../files/stored-tensor.ts';
import { checkFinite } from '../finite.ts';
import type { Module } from './module.ts';
import type { FileValues } from './parameter.ts';
import { bindPaths, parameters } from './tree.ts';

export interface LoadOptions {
  /** The file's name, for errors. */
  source: string;
  /** Paths of parameters that the file may lack; those keep their values. */
  optional?: (path: string) => boolean;
}

const few = (names: string[]): string =>
  names.length > 12 ? `${names.slice(0, 12).join(', ')} and ${names.length - 12} more` : names.join(', ');

/**
 * Loads a model's parameters from the tensors of a file, by path and in the file's layout. One error reports all that is
 * missing, unexpected or misshapen, before anything changes. Values are read when first needed; an infinity or NaN is an
 * error then.
 */
export function loadState(
  root: Module,
  tensors: ReadonlyMap<string, StoredTensor>,
  { source, optional }: LoadOptions,
): void {
  bindPaths(root);
  const wanted = new Map(parameters(root));
  const missing = [...wanted.keys()].filter(path => !tensors.has(path) && !optional?.(path));
  const unexpected = [...tensors.keys()].filter(path => !wanted.has(path));
  const unreadable = [...wanted.keys()].flatMap(path => {
    const dtype = tensors.get(path)?.dtype ?? 'F32';
    return isReadable(dtype) ? [] : [`${path} (${dtype})`];
  });
  const misshapen = [...wanted].flatMap(([path, { layout }]) => {
    const found = tensors.get(path)?.shape;
    return found && String(found) !== String(layout.shape) ? [`${path} [${found}] should be [${layout.shape}]`] : [];
  });
  const problems = [
    missing.length > 0 && `${missing.length} missing: ${few(missing)}`,
    unexpected.length > 0 && `${unexpected.length} unexpected: ${few(unexpected)}`,
    unreadable.length > 0 && `${unreadable.length} of a type that cannot be read: ${few(unreadable)}`,
    misshapen.length > 0 && `${misshapen.length} of another shape: ${few(misshapen)}`,
  ].filter(problem => problem !== false);
  if (problems.length > 0) {
    throw new PeftError(
      'bad-file',
      `${source} does not hold the weights of this ${root.constructor.name}:\n  ${problems.join('\n  ')}\n` +
        'Check that the file and the backbone belong together.',
    );
  }
  for (const [path, parameter] of wanted) {
    const tensor = tensors.get(path);
    if (tensor) parameter.deferFromFile(valuesOf(tensor, `${source}: ${path}`));
  }
}

/** @param what the file and the tensor, for errors */
const valuesOf = (tensor: StoredTensor, what: string): FileValues => {
  const finite = (values: Float32Array): Float32Array => {
    checkFinite(values, what);
    return values;
  };
  return {
    readSync: () => finite(toFloat32(tensor)),
    read: async () => {
      const { dtype, shape } = tensor;
      return finite(toFloat32({ dtype, shape, bytes: await (tensor.read?.() ?? tensor.bytes) }));
    },
    isNew: tensor.read !== undefined || tensor.dtype !== 'F32',
    ...(tensor.quantized && { quantized: tensor.quantized }),
  };
};

/** The model's tensors by path, in the file's layout. */
export async function saveState(
  root: Module,
  dtype: 'F32' | 'F16' | 'BF16' = 'F32',
): Promise<Map<string, StoredTensor>> {
  const tensors = new Map<string, StoredTensor>();
  for (const [path, parameter] of parameters(root)) {
    tensors.set(path, fromFloat32(await parameter.getForFile(), parameter.layout.shape, dtype));
  }
  return tensors;
}
