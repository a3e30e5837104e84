/** What a method did inside, for a page to show. */
export type Insight = Grid | Bars;

/** A shaded cell for each value: heads of layers, experts of targets. */
export interface Grid {
  readonly kind: 'grid';
  readonly title: string;
  /** What a column is. */
  readonly columns: string;
  readonly rows: readonly GridRow[];
}

export interface GridRow {
  readonly name: string;
  /** At least 0; shaded against the largest of the row. */
  readonly values: readonly number[];
  /** Columns that are crossed out. */
  readonly off?: readonly number[];
}

/** A bar for each value. */
export interface Bars {
  readonly kind: 'bars';
  readonly title: string;
  /** What is measured, with its unit if it has one. */
  readonly measure: string;
  readonly rows: readonly { readonly name: string; readonly value: number; readonly note?: string }[];
}
