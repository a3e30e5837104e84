import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseSafetensors, type Safetensors } from '@peft/core';
import { sharedFolder } from '@peft/vitest/shared';

const hasShared = existsSync(join(sharedFolder, 'weights'));

/** Why tests against whole models cannot run here, or nothing. They run once, on the backend that is fast without a GPU. */
export const whyNot =
  process.env.PEFT_BACKEND !== 'wasm'
    ? 'it runs on wasm'
    : hasShared
      ? ''
      : 'it needs the reference weights: set PEFT_SHARED';

export async function readShared(name: string): Promise<Safetensors> {
  if (whyNot) return { tensors: new Map(), metadata: {} };
  return parseSafetensors(await readFile(join(sharedFolder, 'weights', name)), name);
}
