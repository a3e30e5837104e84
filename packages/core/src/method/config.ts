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
