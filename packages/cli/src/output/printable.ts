/** Control characters, and the marks that turn the direction of text: a terminal acts on them instead of showing them. */
const acting = /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu;

const visible = (character: string): string => `\\u{${(character.codePointAt(0) as number).toString(16)}}`;

/** One line that a terminal shows as it stands, whatever names of files, classes or tensors are in it. */
export const printableLine = (text: string): string => text.replace(acting, visible);

/** The same for text of several lines. */
export const printable = (text: string): string => text.split('\n').map(printableLine).join('\n');

/** JSON on one line, whose every control character is an escape (`JSON.stringify` leaves U+007F to U+009F as they are). */
export const printableJson = (value: object): string =>
  JSON.stringify(value).replace(acting, character => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
