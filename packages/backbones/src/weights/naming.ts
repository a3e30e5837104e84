/** `[ours, theirs]`: paths in which `{i}` stands for a number, `{i-1}` for one less and `{path}` for anything. */
export type Rename = readonly [ours: string, theirs: string | readonly string[]];

/** The tensor names of one library for a family of backbones. Several names for one tensor are its rows, in order. */
export interface Naming {
  readonly id: string;
  /** Possible prefixes of names; the first is written by default. */
  readonly prefixes: readonly [string, ...string[]];
  readonly body: readonly Rename[];
  readonly heads: readonly Rename[];
  /** Whether heads have the prefix too. */
  readonly prefixedHeads: boolean;
}

/** The layout of one file. */
export interface FileNaming {
  readonly id: string;
  readonly prefix: string;
}

const leaf = '(?<leaf>\\.weight|\\.bias)?';

const toPattern = (ours: string): RegExp => {
  const path = ours.replaceAll('.', '\\.').replace('{path}', '(?<path>.+?)');
  return new RegExp(`^${path.replace(/\{(\w)\}/g, '(?<$1>\\d+)')}${leaf}$`);
};

const fill = (theirs: string, groups: Record<string, string>): string =>
  theirs
    .replace(/\{(\w)-1\}/g, (_, name: string) => String(Number(groups[name]) - 1))
    .replace(/\{(\w+)\}/g, (placeholder, name: string) => groups[name] ?? placeholder);

/**
 * Translates our paths to the names of a file, in file order.
 *
 * @returns a function that gives `undefined` for a path this layout has no place for
 */
export function translator(naming: Naming, prefix: string): (path: string) => string[] | undefined {
  const rules = [
    ...naming.heads.map(rename => ({ rename, before: naming.prefixedHeads ? prefix : '' })),
    ...naming.body.map(rename => ({ rename, before: prefix })),
  ].map(({ rename: [ours, theirs], before }) => ({ pattern: toPattern(ours), theirs: [theirs].flat(), before }));
  return path => {
    for (const { pattern, theirs, before } of rules) {
      const groups = pattern.exec(path)?.groups;
      if (groups) return theirs.map(name => before + fill(name, groups) + (groups.leaf ?? ''));
    }
    return undefined;
  };
}

/** Whether a file's tensor belongs to a head. */
export const isHead = (name: string, naming: Naming, prefix: string): boolean =>
  naming.heads.some(([, theirs]) =>
    [theirs].flat().some(head => name.startsWith(`${naming.prefixedHeads ? prefix : ''}${head}.`)),
  );

/** Whether a tensor is one that the forward pass does not use: a pooler, a buffer, the mask token of pretraining. */
export const isExtra = (name: string): boolean =>
  /(^|\.)(pooler\..*|mask_token|relative_position_index|attn_mask|position_ids)$/.test(name);
