/** A test of one character (code point). */
export type CharTest = (char: string) => boolean;

/** One step of a {@link Program}. Where a step leads is an index of another. */
export type Step =
  | { readonly op: 'char'; readonly test: CharTest; readonly next: number }
  /** Continues at the first of several steps from which the rest matches. */
  | { readonly op: 'split'; readonly choices: readonly number[] }
  | { readonly op: 'save'; readonly slot: number; readonly next: number }
  | { readonly op: 'assert'; readonly test: (text: readonly string[], at: number) => boolean; readonly next: number }
  /** Lookaround: tests whether a body matches, `back` characters before here. */
  | {
      readonly op: 'look';
      readonly body: number;
      readonly back: number;
      readonly negative: boolean;
      readonly next: number;
    }
  /** Atomic group: continues after the first match of a body and tries no other. */
  | { readonly op: 'atomic'; readonly body: number; readonly next: number }
  | { readonly op: 'accept' };

/** A regular expression that was parsed. */
export interface Program {
  readonly source: string;
  readonly steps: readonly Step[];
  readonly start: number;
  /** The number of groups that it captures. */
  readonly groups: number;
}
