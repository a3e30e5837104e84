import type { ReadAdapter } from '../method/method.ts';
import type { PeftAdapterFile } from './adapter-file.ts';
import { sha256Of } from './hashes.ts';

/** Counts the numbers of an adapter's file. A tensor that the file repeats for each layer that shares it counts once. */
export function storedNumbers({ tensors }: PeftAdapterFile, { isShared }: Pick<ReadAdapter, 'isShared'>): number {
  const seen = new Set<string>();
  let total = 0;
  for (const [key, { shape, bytes }] of tensors) {
    const content = isShared?.(key) ? `${shape}:${sha256Of(bytes)}` : key;
    if (!seen.has(content)) total += shape.reduce((product, size) => product * size, 1);
    seen.add(content);
  }
  return total;
}
