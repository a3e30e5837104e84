/** Whether a character, a whole code point, is one that is meant. */
export type CharTest = (char: string) => boolean;

/** One step of a {@link Program}. Where a step leads is an index of another. */
export type Step =
  | { readonly op: 'char'; readonly test: CharTest; readonly next: number }
  /** Goes on at the first of several steps from which all the rest matches. */
  | { readonly op: 'split'; readonly choices: readonly number[] }
  | { readonly op: 'save'; readonly slot: number; readonly next: number }
  | { readonly op: 'assert'; readonly test: (text: readonly string[], at: number) => boolean; readonly next: number }
  /** Looks whether a body of its own matches, `back` characters before here. */
  | {
      readonly op: 'look';
      readonly body: number;
      readonly back: number;
      readonly negative: boolean;
      readonly next: number;
    }
  /** Goes on after the first match of a body of its own, and tries no other. */
  | { readonly op: 'atomic'; readonly body: number; readonly next: number }
  | { readonly op: 'accept' };

/** A regular expression that was parsed. */
export interface Program {
  readonly source: string;
  readonly steps: readonly Step[];
  readonly start: number;
  /** How many groups it captures. */
  readonly groups: number;
}
