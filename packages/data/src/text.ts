/** A text in quotes, cut where it is long, with escapes for what a terminal would obey. */
export function quote(text: string, length = 60): string {
  const shown = text.length > length ? `${text.slice(0, length)}...` : text;
  return JSON.stringify(shown).replace(
    /[\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g,
    character => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** The first few of a list, quoted, and how many more there are. */
export function quoteSome(texts: readonly string[], count = 8): string {
  const more = texts.length - count;
  return (
    texts
      .slice(0, count)
      .map(text => quote(text))
      .join(', ') + (more > 0 ? ` and ${more} more` : '')
  );
}
