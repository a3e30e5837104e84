/** Whether a text is a full Git commit. */
export const isCommit = (text: string): boolean => /^[0-9a-f]{40}$/.test(text);

/** A name without separators, drives, control characters, or a dot or space at its end. */
const isSafePart = (part: string): boolean => /^[^\\/:*?"<>|\p{C}]+(?<![. ])$/u.test(part);

/** Whether a relative path stays below the folder it is joined to, on every system, and leaves room for a suffix. */
export const isSafePath = (path: string): boolean => path.length <= 200 && path.split('/').every(isSafePart);
