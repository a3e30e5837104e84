import { stat } from 'node:fs/promises';

/** Whether a path leads to something. */
export const isThere = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );
