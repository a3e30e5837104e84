export type SplitName = 'train' | 'val' | 'test';

/** Our name of a split by the names that others use. */
const aliases: Readonly<Record<string, SplitName>> = {
  train: 'train',
  training: 'train',
  val: 'val',
  valid: 'val',
  validation: 'val',
  dev: 'val',
  test: 'test',
  testing: 'test',
};

const pattern = new RegExp(`^(${Object.keys(aliases).join('|')})([-_ ]?(set|data|images))?$`);

/** `train`, `val` or `test` for any usual name of a split, in any case: `Training`, `valid`, `test_set`; else undefined. */
export function splitOf(name: string): SplitName | undefined {
  const [, alias] = pattern.exec(name.toLowerCase()) ?? [];
  return alias === undefined ? undefined : aliases[alias];
}

/** The one of `names` that a split goes by: itself, or another usual name of it. */
export function findSplit(names: readonly string[], split: string): string | undefined {
  if (names.includes(split)) return split;
  const wanted = splitOf(split);
  return wanted && names.find(name => splitOf(name) === wanted);
}
