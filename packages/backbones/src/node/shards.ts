import { check, quote } from '@peft/core';
import { isSafePath } from '../hub/names.ts';

/** No vision transformer has as many files. */
const maxShards = 1000;

/**
 * The files that `model.safetensors.index.json` says the weights lie in, in its order.
 *
 * @param index what the file holds
 * @param source the file's name, for errors
 */
export function shardNames(index: unknown, source: string): readonly string[] {
  const map = (index as { weight_map?: unknown } | null)?.weight_map;
  check(
    typeof map === 'object' && map !== null && !Array.isArray(map),
    'bad-file',
    () => `${source} has no "weight_map" from names of tensors to files.`,
  );
  const names = [...new Set<unknown>(Object.values(map))];
  check(
    names.length > 0 && names.length <= maxShards,
    'bad-file',
    () => `${source}: "weight_map" names ${names.length} files; there are 1 to ${maxShards}.`,
  );
  for (const name of names) {
    check(
      typeof name === 'string' && name.endsWith('.safetensors') && isSafePath(name),
      'bad-file',
      () =>
        `${source}: "weight_map" has ${quote(name)} where a file's name belongs, such as model-00001-of-00002.safetensors.`,
    );
  }
  return names as string[];
}
