import { isAbsolute, join, relative, sep } from 'node:path';
import { check, quote } from '@peft/core';

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
