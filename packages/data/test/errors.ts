import { PeftError } from '@peft/core';

/** The code and the message that a promise is rejected with. */
export async function failure(promise: Promise<unknown>): Promise<{ code: string; message: string }> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof PeftError) return { code: error.code, message: error.message };
    throw error;
  }
  throw new Error('It did not fail.');
}
