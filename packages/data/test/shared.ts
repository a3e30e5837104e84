import { existsSync } from 'node:fs';
import { sharedFolder } from '@peft/vitest/shared';

/** The path of a real data set, or undefined where there is none; tests that need it are skipped then. */
export const sharedData = (name: string): string | undefined => {
  const path = `${sharedFolder}/data/${name}`;
  return existsSync(path) || existsSync(`${path}.train.safetensors`) ? path : undefined;
};
