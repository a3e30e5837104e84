import { fileURLToPath } from 'node:url';

/** Large reference files, which are not in the repository: `PEFT_SHARED`, or `shared` beside it. */
export const sharedFolder = process.env.PEFT_SHARED ?? fileURLToPath(new URL('../../../shared', import.meta.url));
