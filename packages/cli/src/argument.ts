import { type Option, value } from '@peft/core/method';
import { type Recipe, recipeOptions } from '@peft/run';

/**
 * An argument of the command line. Its flag, its field in a configuration file, its check and its line of help all follow from this
 * description.
 */
export interface Argument<T = unknown> {
  /** How the flag's text is read. A `switch` has no text; `config` is for arguments of configuration files only. */
  readonly kind: 'text' | 'number' | 'texts' | 'switch' | 'config';
  /** Its line of help. */
  readonly help: string;
  /** The allowed values, of a flag or in a configuration file. */
  readonly value: value.Value;
  /** The placeholder of its value in help: `<n>`, or `[n]` if the value may be left out. */
  readonly placeholder?: string;
  /** Its default. */
  readonly default?: T;
  /** Converts the given value to what commands take; the value itself unless given. */
  read?(given: unknown): T;
  /** For a table: the arguments of each entry. */
  readonly entries?: Readonly<Record<string, Argument>>;
}

/** The type that commands get for an argument. */
export type ValueOf<A> = A extends Argument<infer T> ? T : never;

/** An argument, and the commands that take it as a flag. */
export type DescribedArgument<T = unknown> = Argument<T> & { readonly takenBy: readonly string[] };

const list = new Intl.ListFormat('en', { type: 'disjunction' });

/** Help that lists the choices. */
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

/** One of a few words, which help lists. */
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

/** A switch, off by default; one that is on by default has the flag `--no-name`. */
export const toggle = (help: string, otherwise = false): Argument<boolean> => ({
  kind: 'switch',
  help,
  value: value.boolean(),
  default: otherwise,
});

/** `Passes over the pictures.` as a phrase. */
const phrase = (sentence: string): string => sentence.charAt(0).toLowerCase() + sentence.slice(1).replace(/\.$/, '');

/** An argument for a field of recipes, with the field's values and, unless given, its description. */
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

/** An argument for a field of recipes with the field's default, for commands that run no recipe. */
export function fieldWithDefault<Name extends keyof Recipe>(name: Name, placeholder: string): Argument<Recipe[Name]> {
  const { kind, help, value } = field(name, placeholder);
  return { kind, placeholder, help, value, default: recipeOptions[name].default as Recipe[Name] };
}
