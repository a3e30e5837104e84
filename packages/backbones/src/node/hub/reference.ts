import { check } from '@peft/core';
import { isSafePath, quote } from './names.ts';

/** A model on the Hugging Face Hub. */
export interface HubReference {
  /** `owner/name`. */
  readonly name: string;
  /** A branch, tag or commit. */
  readonly revision: string;
}

/** As the Hub itself has it: letters, digits, `_`, and `-` and `.` inside, neither of them twice in a row. */
const isNamePart = (part: string): boolean =>
  /^\w([\w.-]*\w)?$/.test(part) && !/--|\.\./.test(part) && !part.endsWith('.git');

/** Refuses a reference that the Hub cannot have, or that would name a place outside of its folder in the cache. */
export function checkReference({ name, revision }: HubReference): void {
  const parts = name.split('/');
  check(
    parts.length === 2 && parts.every(isNamePart) && name.length <= 96,
    'bad-argument',
    () => `${quote(name)} is not the name of a model on the Hub; write owner/name.`,
  );
  check(
    isSafePath(revision),
    'bad-argument',
    () => `${quote(revision)} is not a revision of ${name}; give a branch, a tag or a commit.`,
  );
}

/**
 * Reads `hf:owner/name[@revision]`.
 *
 * @throws PeftError `bad-argument` if it is anything else
 */
export function parseHubReference(spec: string): HubReference {
  const match = /^hf:(?<name>[^@]+)(?:@(?<revision>.+))?$/.exec(spec);
  check(
    match?.groups,
    'bad-argument',
    () => `${quote(spec)} does not name a model on the Hub; write hf:owner/name or hf:owner/name@revision.`,
  );
  const reference = { name: match.groups.name, revision: match.groups.revision ?? 'main' };
  checkReference(reference);
  return reference;
}
