import { readFile } from 'node:fs/promises';
import { parseSafetensors, type Safetensors, type StoredTensor } from '@peft/core';

/** What `scripts/fixtures.py` wrote: a tiny model of another library, its inputs and what it made of them. */
export interface Fixture {
  readonly weights: Map<string, StoredTensor>;
  readonly reference: Safetensors;
  readonly metadata: Record<string, string>;
}

export async function readFixture(name: string): Promise<Fixture> {
  const bytes = await readFile(new URL(`./fixtures/${name}.safetensors`, import.meta.url));
  const { tensors, metadata } = parseSafetensors(bytes, name);
  const prefix = 'reference.';
  const references = [...tensors].filter(([key]) => key.startsWith(prefix));
  return {
    weights: new Map([...tensors].filter(([key]) => !key.startsWith(prefix))),
    reference: { tensors: new Map(references.map(([key, value]) => [key.slice(prefix.length), value])), metadata },
    metadata,
  };
}
