import { PeftError } from '../errors.ts';

/** Python's spelling of what JavaScript spells otherwise: named groups, references to them, and the ends of the text. */
const translate = (pattern: string): string =>
  pattern
    .replaceAll('(?P<', '(?<')
    .replace(/\(\?P=(\w+)\)/g, '\\k<$1>')
    .replace(/\\[AZ]/g, end => (end === '\\A' ? '^' : '$'));

/** Matches a whole text with a regular expression as Python writes it (`re.fullmatch`). */
export function fullMatch(pattern: string, text: string): RegExpMatchArray | null {
  const [, ignoreCase, body] = pattern.match(/^(\(\?i\))?(.*)$/s) ?? [];
  return text.match(compile(`^(?:${body})$`, pattern, ignoreCase ? 'i' : ''));
}

/** A regular expression from Python's spelling, or an error that shows what the user wrote. */
export function compile(expression: string, pattern: string, flags = ''): RegExp {
  try {
    return new RegExp(translate(expression), flags);
  } catch (cause) {
    const why = (cause as Error).message;
    throw new PeftError('bad-config', `${JSON.stringify(pattern)} is not a regular expression: ${why}.`, { cause });
  }
}
