import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseSafetensors, type Safetensors } from '@peft/core';

/** Large reference files, which are not in the repository: `PEFT_SHARED`, or `shared` beside it. */
const folder = process.env.PEFT_SHARED ?? fileURLToPath(new URL('../../../../shared', import.meta.url));

const hasShared = existsSync(join(folder, 'weights'));

/** Why tests against whole models cannot run here, or nothing. They run once, on the backend that is fast without a GPU. */
export const whyNot =
  process.env.PEFT_BACKEND !== 'wasm'
    ? 'it runs on wasm'
    : hasShared
      ? ''
      : 'it needs the reference weights: set PEFT_SHARED';

export async function readShared(name: string): Promise<Safetensors> {
  if (whyNot) return { tensors: new Map(), metadata: {} };
  return parseSafetensors(await readFile(join(folder, 'weights', name)), name);
}
