import { isAbsolute, join, relative, sep } from 'node:path';
import { check, quote } from '@peft/core';

/** Whether a text is a full Git commit. */
export const isCommit = (text: string): boolean => /^[0-9a-f]{40}$/.test(text);

/** A name without separators, drives, control characters, or a dot or space at its end. */
const isSafePart = (part: string): boolean => /^[^\\/:*?"<>|\p{C}]+(?<![. ])$/u.test(part);

/** Whether a relative path stays below the folder it is joined to, on every system, and leaves room for a suffix. */
export const isSafePath = (path: string): boolean => path.length <= 200 && path.split('/').every(isSafePart);

/** A path below `root`. Refuses parts that lead out of it; callers have checked each part, and this is the last check. */
export function inside(root: string, ...parts: readonly string[]): string {
  const path = join(root, ...parts);
  check(isInside(root, path), 'bad-argument', () => `${quote(parts.join('/'))} leads out of ${root}.`);
  return path;
}

/** Whether a path is below `root`, and not `root` itself. */
export function isInside(root: string, path: string): boolean {
  const way = relative(root, path);
  return way !== '' && way.split(sep)[0] !== '..' && !isAbsolute(way);
}
