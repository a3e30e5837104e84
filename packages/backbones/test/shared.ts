import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseSafetensors, type Safetensors } from '@peft/core';

/** Large reference files, which are not in the repository: `PEFT_SHARED`, or `shared` beside it. */
const folder = process.env.PEFT_SHARED ?? fileURLToPath(new URL('../../../../shared', import.meta.url));

export const hasShared = existsSync(join(folder, 'weights'));

export const withoutShared = 'needs the reference weights: set PEFT_SHARED';

export async function readShared(name: string): Promise<Safetensors> {
  return parseSafetensors(await readFile(join(folder, 'weights', name)), name);
}
