import { check, quote } from '@peft/core';
import { isSafePath } from './names.ts';

/** A model on the Hugging Face Hub. */
export interface HubReference {
  /** `owner/name`. */
  readonly name: string;
  /** A branch, tag or commit. */
  readonly revision: string;
}

/** The Hub's own rule: letters, digits, `_`, and inside also `-` and `.`, neither twice in a row. */
const isNamePart = (part: string): boolean =>
  /^\w([\w.-]*\w)?$/.test(part) && !/--|\.\./.test(part) && !part.endsWith('.git');

/** Refuses names that the Hub does not allow, and revisions that would lead out of the cache. */
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
 * @throws PeftError `bad-argument` for anything else
 */
export function parseHubReference(spec: string): HubReference {
  const [, name, revision = 'main'] = /^hf:([^@]+)(?:@(.+))?$/.exec(spec) ?? [];
  check(
    name,
    'bad-argument',
    () => `${quote(spec)} does not name a model on the Hub; write hf:owner/name or hf:owner/name@revision.`,
  );
  const reference = { name, revision };
  checkReference(reference);
  return reference;
}
