import { check } from '../errors.ts';
import { closest } from './targets.ts';

/** A method's options on top of its defaults; an option that does not exist is an error that names the closest one. */
export function withDefaults<Config extends object>(
  method: string,
  defaults: Config,
  options: Partial<Config>,
): Config {
  const known = Object.keys(defaults);
  for (const name of Object.keys(options)) {
    check(
      known.includes(name),
      'bad-config',
      () => `${method} has no option "${name}"; closest: ${closest(name, known)}.`,
    );
  }
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  return { ...defaults, ...given };
}

/** Throws `bad-config` unless a value is one of those that an option may have. */
export function checkChoice(type: string, option: string, value: string, choices: readonly string[]): void {
  check(choices.includes(value), 'bad-config', () => {
    return `${type}: ${option} is "${value}"; it must be ${choices.join(', ')}.`;
  });
}
