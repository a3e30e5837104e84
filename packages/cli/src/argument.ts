import { type Option, value } from '@peft/core/method';
import { type Recipe, recipeOptions } from '@peft/run';

/**
 * An argument of the command line, described once: its flag, its place in a configuration file, its check and its line in help
 * follow from it.
 */
export interface Argument<T = unknown> {
  /** What a flag's text is read as. A `switch` has no text; one of kind `config` is given in a configuration file only. */
  readonly kind: 'text' | 'number' | 'texts' | 'switch' | 'config';
  /** What it does, in one phrase. */
  readonly help: string;
  /** What it may be, as a flag or a configuration file gives it. */
  readonly value: value.Value;
  /** What stands for its value in help: `<n>`, or `[n]` if the value may be left out. */
  readonly placeholder?: string;
  /** What it is unless given. */
  readonly default?: T;
  /** What the commands get for what is given; it is that itself unless this says otherwise. */
  read?(given: unknown): T;
  /** The arguments that each entry of it has, for a table of them. */
  readonly entries?: Readonly<Record<string, Argument>>;
}

/** What the commands get for an argument. */
export type ValueOf<A> = A extends Argument<infer T> ? T : never;

/** An argument, and the commands that take it as a flag. */
export type DescribedArgument<T = unknown> = Argument<T> & { readonly takenBy: readonly string[] };

const list = new Intl.ListFormat('en', { type: 'disjunction' });

/** Help that lists the words to choose from. */
const withChoices = (help: string, { choices }: { choices: readonly string[] }): string =>
  `${help}: ${list.format(choices)}`;

/** Any text. */
export function text(placeholder: string, help: string): Argument<string | undefined>;
export function text(placeholder: string, help: string, otherwise: string): Argument<string>;
export function text(placeholder: string, help: string, otherwise?: string): Argument<string | undefined> {
  return { kind: 'text', placeholder, help, value: value.string(), default: otherwise };
}

/** A count of at least 1. */
export function count(placeholder: string, help: string): Argument<number | undefined>;
export function count(placeholder: string, help: string, otherwise: number): Argument<number>;
export function count(placeholder: string, help: string, otherwise?: number): Argument<number | undefined> {
  return { kind: 'number', placeholder, help, value: value.integer({ min: 1 }), default: otherwise };
}

/** One of a few words, which the help lists. */
export const choice = <const Choice extends string>(
  placeholder: string,
  help: string,
  choices: readonly Choice[],
  otherwise: NoInfer<Choice>,
): Argument<Choice> => ({
  kind: 'text',
  placeholder,
  help: withChoices(help, { choices }),
  value: value.choice(choices),
  default: otherwise,
});

/** Off unless given; if it is on otherwise, its flag is `--no-name`. */
export const toggle = (help: string, otherwise = false): Argument<boolean> => ({
  kind: 'switch',
  help,
  value: value.boolean(),
  default: otherwise,
});

/** `Passes over the pictures.` as a phrase. */
const phrase = (sentence: string): string => sentence[0].toLowerCase() + sentence.slice(1).replace(/\.$/, '');

/** A field of recipes: what it may be, and what it does, unless that is better said of a flag. */
export function field<Name extends keyof Recipe>(
  name: Name,
  placeholder: string,
  help?: string,
): Argument<Recipe[Name] | undefined> {
  const described: Option = recipeOptions[name];
  const { kind } = described.value;
  const said = help ?? phrase(described.description);
  return {
    kind: kind === 'integer' || kind === 'number' ? 'number' : 'text',
    placeholder,
    help: described.value.kind === 'choice' ? withChoices(said, described.value) : said,
    value: described.value,
  };
}

/** A field of recipes that has its default here too, as other commands than those that run recipes take it. */
export function fieldWithDefault<Name extends keyof Recipe>(name: Name, placeholder: string): Argument<Recipe[Name]> {
  const { kind, help, value } = field(name, placeholder);
  return { kind, placeholder, help, value, default: recipeOptions[name].default as Recipe[Name] };
}
