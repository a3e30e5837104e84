import { check } from '@peft/core';
import { methodEntry } from '@peft/run';
import type { Arguments } from './arguments.ts';

/**
 * The methods of `--methods`.
 *
 * @throws PeftError `bad-argument` for one that is not known, or twice there, and for `each` of one that is not among them
 */
export function methodsOf(args: Arguments): string[] {
  const { methods = ['linear', 'lora'] } = args;
  for (const name of Object.keys(args.each ?? {}))
    check(methods.includes(name), 'bad-argument', () => `each has "${name}", which is not among the methods compared.`);
  for (const name of methods) methodEntry(name);
  const twice = methods.find((name, i) => methods.indexOf(name) !== i);
  check(twice === undefined, 'bad-argument', () => `--methods has "${twice}" twice; --seeds repeats a method.`);
  return methods;
}

/**
 * The arguments of one method: the common ones, then its own. Baselines that train whole modules take neither targets nor
 * options.
 */
export function argumentsFor(method: string, args: Arguments): Arguments & { method: string } {
  const isWhole = methodEntry(method).factory.type === 'trainModules';
  const { targets, set } = isWhole ? {} : args;
  const own = args.each?.[method];
  return { ...args, targets, ...own, set: { ...set, ...own?.set }, method };
}
