/** Values by what `key` says of each, in the order in which keys appear. */
export function grouped<T, Key>(values: readonly T[], key: (value: T) => Key): Map<Key, T[]> {
  const groups = new Map<Key, T[]>();
  for (const value of values) {
    const group = groups.get(key(value));
    if (group) group.push(value);
    else groups.set(key(value), [value]);
  }
  return groups;
}
