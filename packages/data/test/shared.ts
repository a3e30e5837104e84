import { existsSync } from 'node:fs';

const beside = new URL('../../../../shared', import.meta.url).pathname;

/** A folder with real data sets under `data`: named by `PEFT_SHARED`, or beside the repository. */
const shared = process.env.PEFT_SHARED ?? beside;

/** The path of a real data set, or undefined where there is none; tests that need it are skipped then. */
export const sharedData = (name: string): string | undefined => {
  const path = `${shared}/data/${name}`;
  return existsSync(path) || existsSync(`${path}.train.safetensors`) ? path : undefined;
};
