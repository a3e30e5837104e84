/** A name that every system takes for a file or a folder. */
export function safeName(name: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is replaced
  const safe = name.replace(/[\u0000-\u001f\\/:*?"<>|]/g, '_').replace(/^\.+|[. ]+$/g, '_');
  return safe === '' ? '_' : safe;
}

/** Names that differ: the second `a.jpg` is `a-2.jpg`. */
export function uniqueNames(names: readonly string[]): string[] {
  const taken = new Set<string>();
  return names.map(given => {
    const [, stem = given, ending = ''] = /^(.*?)(\.[^.]*)?$/s.exec(given) ?? [];
    let name = given;
    for (let i = 2; taken.has(name.toLowerCase()); i++) name = `${stem}-${i}${ending}`;
    taken.add(name.toLowerCase());
    return name;
  });
}
