import { PeftError } from '@peft/core';

/**
 * Imports what only some users install.
 *
 * @param packages the packages that may be absent; another module that is not found is a fault of its own
 * @param message what to do where one is absent
 * @throws PeftError `missing` with that message
 */
export async function importOptional<T>(load: () => Promise<T>, packages: RegExp, message: string): Promise<T> {
  try {
    return await load();
  } catch (cause) {
    const { code, message: found } = cause as NodeJS.ErrnoException;
    if (code !== 'ERR_MODULE_NOT_FOUND' || !packages.test(found)) throw cause;
    throw new PeftError('missing', message, { cause });
  }
}
