import type { Option, Options } from '@peft/core/method';

function defaultOf({ default: otherwise, required }: Option): string {
  if (required) return '; must be given';
  if (otherwise === undefined) return '';
  return `; default \`${JSON.stringify(otherwise).replaceAll('","', '", "').replaceAll('"', "'")}\``;
}

const itemOf = (name: string, option: Option): string =>
  `\`${name}\` (${option.value.expected}${defaultOf(option)}): ${option.description}`;

/** The options of a method as the items of its README's list: name, values, default, and what it does. */
export const optionItems = (options: Options): string[] =>
  Object.entries(options).map(([name, option]) => itemOf(name, option));

/** The items of the list under a README's heading `Options`, each on one line. */
export function listedItems(readme: string): string[] {
  const section = readme.split(/^## /m).find(part => part.startsWith('Options\n')) ?? '';
  const items = section.match(/^- `(?:.*\n)(?: {2}\S.*\n)*/gm) ?? [];
  return items.map(item =>
    item
      .replace(/^- /, '')
      .trim()
      .replace(/\n {2}/g, ' '),
  );
}
