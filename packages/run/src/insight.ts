/** A drawing, as data, of what a method did inside. */
export type Insight = Grid | Bars;

interface Drawing {
  readonly title: string;
  /** The adapter that it is of, in a run. */
  readonly adapter?: { readonly name: string; readonly method: string };
}

/** A table of shaded cells: heads by layer, experts by target. */
export interface Grid extends Drawing {
  readonly kind: 'grid';
  /** What a column stands for: `head`. */
  readonly columns: string;
  readonly rows: readonly GridRow[];
  /** What the columns come to over the rows, where that decides. */
  readonly totals?: { readonly name: string; readonly values: readonly number[] };
}

export interface GridRow {
  readonly name: string;
  /** 0 or more; a cell is shaded by its share of the row's largest. */
  readonly values: readonly number[];
  /** Columns that are crossed out. */
  readonly off?: readonly number[];
}

/** A list of bars. */
export interface Bars extends Drawing {
  readonly kind: 'bars';
  /** The quantity, with its unit if it has one. */
  readonly measure: string;
  readonly rows: readonly { readonly name: string; readonly value: number; readonly note?: string }[];
}
