import { join } from 'node:path';
import { readIfThere, writeAtomic } from '@peft/core/node';

/** What a user wants of a sweep. */
export type Wish = 'run' | 'pause' | 'cancel';

const wishes: readonly string[] = ['run', 'pause', 'cancel'];

const fileOf = (folder: string): string => join(folder, 'control');

const isWish = (text: string): text is Wish => wishes.includes(text);

/** Tells the scheduler of a folder, or the next one, what it is to do. */
export const setWish = (folder: string, wish: Wish): Promise<void> => writeAtomic(fileOf(folder), wish);

/** What the scheduler of a folder is to do. */
export async function wishOf(folder: string): Promise<Wish> {
  const text = new TextDecoder().decode(await readIfThere(fileOf(folder))).trim();
  return isWish(text) ? text : 'run';
}
