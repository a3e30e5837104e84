import * as v from 'valibot';

/**
 * An argument of the command line, described once: its flag, its place in a configuration file, its check and its line in help
 * follow from it.
 */
export interface Argument<Check extends v.GenericSchema = v.GenericSchema> {
  /** What a flag's text is read as. A `switch` has no text; one of kind `config` is given in a configuration file only. */
  readonly kind: 'text' | 'number' | 'texts' | 'switch' | 'config';
  /** What it does, in one phrase. */
  readonly help: string;
  readonly check: Check;
  /** What stands for its value in help: `<n>`, or `[n]` if the value may be left out. */
  readonly placeholder?: string;
}

/** An argument, and the commands that take it as a flag. */
export type DescribedArgument<Check extends v.GenericSchema = v.GenericSchema> = Argument<Check> & {
  readonly takenBy: readonly string[];
};

type Optional<Check extends v.GenericSchema> = v.OptionalSchema<Check, undefined>;

/** Any text, unless a check of its own is given. */
export function text(placeholder: string, help: string): Argument<Optional<v.StringSchema<undefined>>>;
export function text<Check extends v.GenericSchema>(placeholder: string, help: string, check: Check): Argument<Check>;
export function text(placeholder: string, help: string, check = v.optional(v.string())): Argument {
  return { kind: 'text', placeholder, help, check };
}

export const number = <Check extends v.GenericSchema>(
  placeholder: string,
  help: string,
  check: Check,
): Argument<Check> => ({ kind: 'number', placeholder, help, check });

/** A flag that may be repeated; in a configuration file, a list. */
export const texts = <Check extends v.GenericSchema>(
  placeholder: string,
  help: string,
  check: Check,
): Argument<Check> => ({ kind: 'texts', placeholder, help, check });

const alternatives = new Intl.ListFormat('en', { type: 'disjunction' });

/** One of a few words, which the help lists. */
export const choice = <
  const Choices extends readonly string[],
  const Otherwise extends Choices[number] | undefined = undefined,
>(
  placeholder: string,
  help: string,
  choices: Choices,
  otherwise?: Otherwise,
): Argument<v.OptionalSchema<v.PicklistSchema<Choices, undefined>, Otherwise>> => ({
  kind: 'text',
  placeholder,
  help: `${help}: ${alternatives.format(choices)}`,
  check: v.optional(v.picklist(choices), otherwise as Otherwise),
});

/** Off unless given; if it is on otherwise, its flag is `--no-name`. */
export const toggle = (
  help: string,
  otherwise = false,
): Argument<v.OptionalSchema<v.BooleanSchema<undefined>, boolean>> => ({
  kind: 'switch',
  help,
  check: v.optional(v.boolean(), otherwise),
});

/** What is given in a configuration file only. */
export const configOnly = <Check extends v.GenericSchema>(help: string, check: Check): Argument<Check> => ({
  kind: 'config',
  help,
  check,
});

/** The checks of arguments, by name. */
type ChecksOf<Arguments extends Readonly<Record<string, Argument>>> = {
  [Name in keyof Arguments]: Arguments[Name]['check'];
};

export const checksOf = <Arguments extends Readonly<Record<string, Argument>>>(
  described: Arguments,
): ChecksOf<Arguments> =>
  Object.fromEntries(Object.entries(described).map(([name, { check }]) => [name, check])) as ChecksOf<Arguments>;
