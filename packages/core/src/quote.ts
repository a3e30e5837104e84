/** Control characters, and the marks that turn the direction of text: a terminal acts on them instead of showing them. */
const acting = /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu;

const escaped = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;

/** A text that a terminal shows as it stands: an escape, `\u001b`, stands for each character that it would act on. */
export const escapeControls = (text: string): string => text.replace(acting, escaped);

const isShort = (list: readonly unknown[]): boolean => list.length <= 8 && list.every(item => typeof item !== 'object');

/** Characters of a string that are shown. */
const shownLength = 120;

/** A value of any type and size, for an error: strings in quotes, on one line, without characters that control a terminal. */
export function quote(value: unknown): string {
  if (Array.isArray(value)) {
    return isShort(value) ? `[${value.map(quote).join(', ')}]` : `a list of ${value.length} items`;
  }
  if (typeof value === 'object' && value !== null) return 'an object';
  if (typeof value === 'function') return 'a function';
  const text = String(value);
  const cut = text.length > shownLength ? `${text.slice(0, shownLength)}...` : text;
  return typeof value === 'string' ? escapeControls(JSON.stringify(cut)) : cut;
}

/** The first few of a list, quoted, and how many more there are. */
export function quoteSome(values: readonly unknown[], count = 8): string {
  const more = values.length - count;
  const first = values.slice(0, count).map(quote);
  return first.join(', ') + (more > 0 ? ` and ${more} more` : '');
}
